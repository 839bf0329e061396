"""Who is forgotten in telemetry: decisions without names, and what of a request is left out. Pure."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from projections.telemetry.columns import Origin
from projections.telemetry.forgetting import Names, condition
from projections.telemetry.rows import Rows
from schemas.log import LogRecord
from schemas.persons import Handle
from schemas.seal import Sealer
from schemas.telemetry.forgetting import (
    Forgotten,
    PersonForgotten,
    forgetting_in,
    forgetting_record,
    none_forgotten,
    person_forgotten,
)
from schemas.telemetry.record import EntryKind, TelemetryEntry, decode_record, encode_record
from streams.exports import lines_of
from tests.projections.telemetry.support import GAME, START_MS, STUDIO, entry, gameplay, s1, s4

SEALER: Final = Sealer(b"now")


def decision(sealer: Sealer = SEALER) -> PersonForgotten:
    handles = [Handle(GAME, "anna"), Handle(GAME, "Red")]
    return person_forgotten(sealer.fingerprints, STUDIO, players=["anna"], handles=handles, at_ms=1)


def forgotten(sealer: Sealer = SEALER) -> Forgotten:
    return Forgotten(sealer.fingerprints, [decision()])


def test_a_decision_stands_alone_in_its_record_and_names_nobody() -> None:
    record = forgetting_record(decision())
    assert forgetting_in(record) == decision()
    assert b"anna" not in record
    assert b"Red" not in record
    (one,) = decode_record(record).entries
    assert forgetting_in(encode_record([one, one])) is None
    assert forgetting_in(encode_record([s4(gameplay(START_MS))])) is None
    assert forgetting_in(record[:-3]) is None
    assert forgetting_in(b"") is None


def test_a_person_is_of_one_studio_and_a_player_is_no_handle() -> None:
    known = forgotten()
    assert (known.player(STUDIO, "anna"), known.player(STUDIO, "Red")) == (True, False)
    assert (known.handle(STUDIO, GAME, "Red"), known.handle(STUDIO, GAME, "anna")) == (True, True)
    assert not known.player("studio_2", "anna")
    assert not known.player(STUDIO, "")
    assert (known.concerns(STUDIO), known.concerns("studio_2")) == (True, False)


def test_a_handle_is_a_persons_in_its_own_game_alone() -> None:
    known = forgotten()
    assert not known.handle(STUDIO, "game_2", "Red")
    assert not known.handle("studio_2", GAME, "Red")
    assert not known.handle(STUDIO, GAME, "")
    assert not known.handle(STUDIO, f"{GAME}R", "ed")
    assert not known.handle(STUDIO, GAME[:-1], f"{GAME[-1]}Red")
    rows, elsewhere = Rows(known), "game_2"
    own = (
        s1("linked", {"name": "step", "t": START_MS}, testerHandle="Red", game=elsewhere),
        s1("thread", said(1, "Red"), source="discord", game=elsewhere),
    )
    for one in own:
        rows.add(Origin(STUDIO, elsewhere, START_MS, 7), 0, one)
    assert [found[0].tester_handle for found in rows.descriptions.values()] == ["Red", ""]
    assert rows.messages.coded("author")[1] == ["Red"]
    assert list(lines_of(logged(*own), None, known)) == list(lines_of(logged(*own)))


def test_who_was_forgotten_under_an_old_secret_stays_so_while_it_is_listed() -> None:
    later, without = Sealer(b"later", [b"now"]), Sealer(b"later")
    assert Forgotten(later.fingerprints, [decision()]).player(STUDIO, "anna")
    assert not Forgotten(without.fingerprints, [decision()]).player(STUDIO, "anna")


def test_without_a_secret_nobody_can_be_told() -> None:
    alone = none_forgotten()
    assert not alone.player(STUDIO, "anna")
    alone.add(decision())
    assert not alone.player("studio_2", "anna")
    with pytest.raises(ValueError, match="without the deployment secret"):
        alone.player(STUDIO, "anna")


def logged(*entries: TelemetryEntry) -> LogRecord:
    value = encode_record(list(entries))
    return LogRecord(topic="telemetry", partition=0, offset=0, appended_at_ms=START_MS, key=None, value=value)


def feedback(device: str) -> TelemetryEntry:
    body: dict[str, Any] = {
        "gameId": GAME,
        "sessionId": "s",
        "deviceId": device,
        "formId": "f",
        "submissionId": "1",
        "answers": [],
    }
    return entry(EntryKind.S1_FEEDBACK, json.dumps(body).encode())


def said(number: int, author: str) -> dict[str, Any]:
    props = {"id": str(number), "author": author, "text": "hello"}
    return {"name": "discord_message", "t": START_MS, "seq": number, "props": props}


ENTRIES: Final = (
    s4(
        gameplay(START_MS, session="both", player_id="anna"),
        gameplay(START_MS, session="both", player_id="bob"),
        gameplay(START_MS, session="hers", player_id="anna"),
    ),
    s1("hers", {"name": "step", "t": START_MS}, deviceId="anna"),
    s1("linked", {"name": "step", "t": START_MS}, testerHandle="Red"),
    s1("thread", said(1, "Red"), said(2, "Blue"), source="discord"),
    feedback("anna"),
    feedback("bob"),
)


def test_rows_leave_out_what_is_theirs_and_keep_the_places_of_all_else() -> None:
    rows, at = Rows(forgotten()), Origin(STUDIO, GAME, START_MS, 7)
    item = 0
    for one in ENTRIES:
        item += rows.add(at, item, one)
    assert item == sum(one.item_count for one in ENTRIES)  # places count what is left out
    first = {key.session_id: found[0] for key, found in rows.descriptions.items()}
    assert list(first) == ["both", "linked", "thread"]
    assert (first["both"].player_id, first["linked"].tester_handle) == ("bob", "")
    assert rows.events.coded("player_id")[1] == ["bob", "device_linked", "device_thread"]
    assert rows.events.numbers("_index").tolist() == [1, 4, 6]
    assert (rows.messages.rows, rows.feedback.rows) == (1, 1)
    assert rows.messages.coded("author")[1] == ["Blue"]
    assert rows.count == rows.events.rows + rows.messages.rows + rows.feedback.rows


def test_an_export_leaves_the_same_out() -> None:
    record = logged(*ENTRIES)
    lines = [json.loads(line) for _, line in lines_of(record, None, forgotten())]
    assert not any("anna" in json.dumps(line) or "Red" in json.dumps(line) for line in lines)
    kinds = ["gameplay", "s1_session", "s1_event", "s1_session", "s1_event", "s1_feedback"]
    assert [line["kind"] for line in lines] == kinds
    assert len(list(lines_of(record))) == 3 + 2 + 2 + 3 + 2


def test_a_table_is_searched_by_what_was_found_of_the_person_alone() -> None:
    nobody_found, player, author = Names([], []), Names(["anna"], []), Names([], [Handle(GAME, "Red")])
    assert condition("events", nobody_found) == condition("feedback", author) == ""
    assert condition("players", player).endswith("(player_id IN {players:Array(String)})")
    assert "(game_id, JSONExtractString(properties, 'author')) IN" in condition("events", author)
    assert "(game_id, author) IN" in condition("messages", author)
    assert "player_id" not in condition("session_parts", author)
    assert condition("session_parts", player).endswith("AND _version <= {offset:UInt64}")
