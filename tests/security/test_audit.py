"""Acts of the log's examples: each event is one or is said not to be, and none shows a secret."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from deploy.audit import Act, Wanted, acts_of_events, acts_of_operations, read_cursor
from deploy.cli.audit import wanted_studio
from deploy.cli.errors import RequestRefused
from deploy.nouns import NOUNS
from schemas.envelope import Decided, Event, EventsRecord
from schemas.log import LogRecord
from schemas.noun import NounSchema
from schemas.operations import OPERATIONS, decode_operation

GOLDEN: Final = Path(__file__).parents[2] / "schemas" / "golden"
ADMINISTERED: Final = [noun.schema for noun in NOUNS if noun.schema.acts]
NO_ACTS: Final = {
    # What a studio's AI and its Discord bot do.
    *("AiRequested", "AiCallStarted", "AiFinished", "DiscordSessionOpened", "DiscordMessagesAppended"),
    # What playtesters do, what a provider tells, what follows of itself, when it is time or done.
    *("ApplicationMade", "ApplicationWithdrawn", "ApplicationsAutoRejected", "BatchExpired", "InviteOpened"),
    *("KeyRedeemed", "PaymentCompleted", "PaymentFailed", "PaymentOpened", "PlaytestActivated"),
    *("PlaytestCompleted", "PlaytestPaid", "PlaytesterChanged", "SlotAbandoned", "SlotExpired"),
    *("SlotPublished", "SlotReserved", "SlotSubmitted", "TesterLinked", "TranscriptFailed"),
    "TranscriptRequested",
    # What hosts and processing tell, and servers do.
    *("BuildFailed", "BuildKept", "BuildProcessing", "BuildReady", "BuildRemoved", "HostDraining"),
    *("HostJoined", "HostLost", "HostSeen", "HostSuspected", "LobbyServerEnded", "LobbyServerGiven"),
    *("LobbyServerRefused", "PoolPaused", "ServerExited", "ServerReady", "ServerStarted", "ServerStopped"),
}
SECRET_FIELDS: Final = re.compile(
    r"hash|sealed|secret|code|token|email|variables|credentials|fingerprint", re.IGNORECASE
)


def examples(noun: NounSchema) -> list[tuple[str, bytes]]:
    assert noun.events is not None
    found = []
    for wire in sorted(noun.events.wire_names):
        struct = noun.events._decoders[wire].type
        for path in sorted((GOLDEN / noun.name / wire).iterdir()):
            message = msgspec.json.decode(path.read_bytes(), type=struct)
            found.append((wire, msgspec.msgpack.encode(message)))
    return found


def record(events: list[Event], by: str = "", *, offset: int = 0, at_ms: int = 1_000) -> LogRecord:
    decided = Decided(
        command_id="c", studio_id="studio", game_id="", keyed=False, fingerprint=b"f", events=events, by=by
    )
    value = msgspec.msgpack.encode(
        EventsRecord(version=1, src=0, gateway_id="g", record_id="r", decided=[decided])
    )
    return LogRecord(
        topic="t.events", partition=0, offset=offset, appended_at_ms=at_ms, key=None, value=value
    )


def acts(noun: NounSchema, by: str) -> list[Act]:
    events = [
        Event(type=wire, aggregate_id="a", sequence=1, at_ms=1, data=data) for wire, data in examples(noun)
    ]
    return list(acts_of_events(noun, record(events, by)))


def secrets_in(value: Any, name: str = "") -> set[str]:
    """Texts of a message in fields that hold what only one reader may see, or its hash."""
    if isinstance(value, dict):
        return {text for key, inner in value.items() for text in secrets_in(inner, str(key))}
    if isinstance(value, list):
        return {text for inner in value for text in secrets_in(inner, name)}
    return {str(value)} if SECRET_FIELDS.search(name) and len(str(value)) >= 16 else set()


def test_each_event_is_an_act_or_is_said_to_be_none() -> None:
    for noun in ADMINISTERED:
        assert noun.events is not None
        kinds = {noun.events._decoders[wire].type for wire in noun.events.current_wire_names}
        said = set(noun.acts) | set(noun.acts_of_keys)
        assert said <= kinds
        assert {kind.__name__ for kind in kinds - said} <= NO_ACTS
        assert not {kind.__name__ for kind in said} & NO_ACTS


@pytest.mark.parametrize("noun", ADMINISTERED, ids=lambda noun: str(noun.name))
def test_every_act_names_what_it_was_done_to(noun: NounSchema) -> None:
    found = acts(noun, "operator ann@console")
    assert found
    assert all(act.target and act.by == "operator ann@console" and act.outcome == "done" for act in found)
    shown = {kind.WIRE for kind in (*noun.acts, *noun.acts_of_keys)}
    assert {act.act for act in found} == shown
    by_itself = {act.act for act in acts(noun, "")}
    assert by_itself == {kind.WIRE for kind in noun.acts}


def test_no_example_of_an_event_shows_a_secret() -> None:
    looked_for = 0
    for noun in ADMINISTERED:
        text = str([msgspec.to_builtins(act) for act in acts(noun, "key key_1")])
        secrets = set[str]().union(*(secrets_in(msgspec.msgpack.decode(data)) for _, data in examples(noun)))
        looked_for += len(secrets)
        assert not [one for one in secrets if one in text]
    assert looked_for > 20


def test_what_this_build_can_not_read_is_left_out() -> None:
    studio = ADMINISTERED[0]
    unknown = Event(type="studio.key-lost.v9", aggregate_id="a", sequence=1, at_ms=1, data=b"\x80")
    broken = Event(type="studio.key-created.v1", aggregate_id="a", sequence=1, at_ms=1, data=b"\xc1")
    assert list(acts_of_events(studio, record([unknown, broken]))) == []
    no_record = msgspec.structs.replace(record([]), value=b"\xc1")
    assert list(acts_of_events(studio, no_record)) == []
    assert acts_of_operations([no_record]) == []


def test_an_operation_is_one_act_with_its_end() -> None:
    values = {path.stem: path.read_bytes() for path in (GOLDEN / "envelope" / "operation.v1").iterdir()}
    records = [
        LogRecord(
            topic=OPERATIONS.name, partition=0, offset=offset, appended_at_ms=at_ms, key=None, value=value
        )
        for offset, (at_ms, value) in enumerate([(5, values["began"]), (9, values["failed"])])
    ]
    (began,) = acts_of_operations(records[:1])
    (ended,) = acts_of_operations(records)
    assert (began.outcome, ended.outcome) == ("began", "AnalystRefused")
    assert (ended.at_ms, ended.place, ended.by) == (5, "operations-0-000000000000", "operator ann@console-1")
    assert ended.act == f"questlog {decode_operation(values['began']).act}"


def test_a_page_goes_on_where_the_one_before_ended() -> None:
    (act,) = acts_of_operations(
        [
            LogRecord(
                topic=OPERATIONS.name,
                partition=0,
                offset=3,
                appended_at_ms=7,
                key=None,
                value=(GOLDEN / "envelope" / "operation.v1" / "began.msgpack").read_bytes(),
            )
        ]
    )
    assert read_cursor(act.cursor) == act.key
    asked = Wanted(since_ms=0, until_ms=8, limit=1)
    assert asked.takes(act)
    for other in (
        {"since_ms": 8},
        {"until_ms": 7},
        {"studio_id": "other"},
        {"kind": "webhooks"},
        {"before": act.key},
    ):
        assert not msgspec.structs.replace(asked, **other).takes(act)
    for text in ("", "7", "seven:place", "7:"):
        with pytest.raises(ValueError, match=r".+"):
            read_cursor(text)


def test_a_studio_that_is_not_known_is_refused_and_not_shown_without_acts() -> None:
    studios = {"demo": "user_1"}
    assert [wanted_studio(named, studios) for named in ("", "demo", "user_9")] == ["", "user_1", "user_9"]
    assert [wanted_studio(named, None) for named in ("", "user_9")] == ["", "user_9"]
    with pytest.raises(RequestRefused, match="there is no studio dmeo"):
        wanted_studio("dmeo", studios)
    with pytest.raises(RequestRefused, match=r"Redis is away, .* name the studio demo by its id"):
        wanted_studio("demo", None)
