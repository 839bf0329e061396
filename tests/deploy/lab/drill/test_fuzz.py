"""The fuzz drill: its texts follow the contract, its requests fit the gateway, its judge sees wrongs."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from deploy.lab.drill import fuzz_comparison as judge
from deploy.lab.drill.fuzz_cases import Case, Clock, Maker, Row
from deploy.lab.drill.fuzz_discord import GAME, DiscordMaker
from deploy.lab.drill.fuzz_s1 import FORM, S1Maker
from deploy.lab.drill.fuzz_s4 import S4Maker
from deploy.lab.drill.fuzz_texts import LONGEST, Rule, Texts, takes
from deploy.lab.drill.fuzz_words import VERY_LONG, WORDS
from schemas.telemetry import s1, s1_batch, s1_discord, s1_feedback, s4

BEGIN_MS = 1_790_000_000_000
BYTES_MAX = {"s4": s4.BODY_BYTES_MAX, "discord": s1_discord.BODY_BYTES_MAX}
FORMS = [
    {
        "id": FORM,
        "fields": [{"id": "q1", "kind": "rating-1-5", "required": True}, {"id": "q2", "kind": "short-text"}],
    }
]


class Makers:
    """All makers of a seed."""

    def __init__(self, seed: int) -> None:
        dice = random.Random(seed)
        clock = Clock(BEGIN_MS)
        self.texts = Texts(dice)
        self.s4 = S4Maker(dice, self.texts, clock, "app")
        self.s1 = S1Maker(dice, self.texts, clock, "app")
        self.discord = DiscordMaker(dice, self.texts, clock, "key", "run")

    def cases(self, count: int) -> list[Case]:
        makes = (
            *(self.s4.good, self.s4.bad, self.s1.good, self.s1.bad, self.s1.feedback, self.s1.feedback_bad),
            *(self.discord.good, self.discord.bad),
        )
        return [make() for _ in range(count) for make in makes]


def read(case: Case) -> None:
    """As the gateway does. Raises what it would refuse for."""
    if case.surface == "s4":
        items = s4.validate(case.body, BEGIN_MS)
        if not s4.belongs_to(items, "app"):
            raise LookupError
    elif case.surface == "s1":
        if s1.validate_batch(case.body, BEGIN_MS).game != "app":
            raise LookupError
    elif case.surface == "discord":
        if s1_discord.validate_discord(case.body, BEGIN_MS)[0].game != GAME:
            raise LookupError
    else:
        s1_feedback.check_against_form(s1_feedback.validate_feedback(case.body), FORMS)


def test_what_the_contract_takes_the_gateway_takes_and_nothing_else() -> None:
    for case in Makers(1).cases(60):
        if min(case.allowed) < 300:
            read(case)
            assert len(case.body) <= BYTES_MAX.get(case.surface, s1_batch.BODY_BYTES_MAX)
        else:
            with pytest.raises((LookupError, ValueError)):
                read(case)


def test_the_same_seed_makes_the_same() -> None:
    assert Makers(3).cases(5) == Makers(3).cases(5)
    assert Makers(3).cases(5) != Makers(4).cases(5)


def test_every_word_gets_into_every_field_that_takes_it() -> None:
    texts = Texts(random.Random(1))
    words = {word for of_one in WORDS.values() for word in of_one}
    for rule in Rule:
        for _ in range(6 * len(words)):
            texts.good("field", rule)
        assert texts.given.pop("field") == {word for word in words if takes(rule, word)}


@pytest.mark.parametrize(
    "rule",
    [
        *(Rule.ID, Rule.NAME, Rule.LABEL, Rule.REASON, Rule.ANSWER, Rule.KEY, Rule.NOTES, Rule.PRINTABLE),
        *(Rule.VARIABLE, Rule.CHANNEL, Rule.MESSAGE),
    ],
)
def test_lengths_around_each_limit(rule: Rule) -> None:
    texts, most = Texts(random.Random(1)), LONGEST[rule]
    good = {len(texts.good("a", rule)) for _ in range(3_000)}
    bad = {len(text) for text in (texts.bad("a", rule) for _ in range(3_000)) if text is not None}
    assert {1, most - 1, most} <= good
    assert max(good) == most
    assert most + 1 in bad
    assert (0 in good) == takes(rule, "")
    assert (0 in bad) != takes(rule, "")


def test_free_texts_are_of_any_length() -> None:
    texts = Texts(random.Random(1))
    lengths = {len(texts.good("a", Rule.FREE)) for _ in range(5_000)}
    assert {0, 1, 1024, 65_536, VERY_LONG} <= lengths


@pytest.mark.parametrize(
    "text", ["DB::Exception", "a b", "é", "e\u0301", "😀", "x" * 128, "..", "<table>", "\\N"]
)
def test_ids(text: str) -> None:
    assert takes(Rule.ID, text)


@pytest.mark.parametrize(
    "text",
    ["", " ", "a\0", "a\n", "\u200b", "\ufeff", "\xa0", "\u3164", "\ue000", "\ufffe", "\ud800", "x" * 129],
)
def test_no_ids(text: str) -> None:
    assert not takes(Rule.ID, text)


def test_free_values_stay_within_what_a_request_has_left() -> None:
    dice = random.Random(1)
    maker = Maker(dice, Texts(dice), Clock(BEGIN_MS), "app")
    maker.bytes_left = 0
    assert max(len(maker.free("a")) for _ in range(500)) <= 100


# The judge.


def world() -> tuple[judge.Found, judge.Found]:
    """What a few requests promise, and tables that hold just that."""
    accepted = [case for case in Makers(5).cases(10) if min(case.allowed) < 300]
    wanted = judge.expected_rows(accepted)
    assert all(wanted.values())
    return wanted, copy.deepcopy(wanted)


def held(wanted: judge.Found, found: judge.Found) -> set[str]:
    """The tables that are as they should be."""
    return {verdict.name.partition(":")[0] for verdict in judge.judge_rows(wanted, found) if verdict.holds}


def test_tables_that_hold_what_was_accepted() -> None:
    wanted, found = world()
    assert held(wanted, found) == set(wanted)


@pytest.mark.parametrize("table", list(judge.COLUMNS))
def test_a_row_that_is_missing_doubled_changed_or_never_sent(table: str) -> None:
    wanted, found = world()
    place = next(iter(found[table]))
    rows = found[table][place]
    for wrong in ([], [*rows, rows[0]], [{**rows[0], "player_id": "another"}, *rows[1:]]):
        found[table][place] = wrong
        assert held(wanted, found) == wanted.keys() - {table}
    found[table] = {**found[table], place: rows, "stranger": rows}
    assert held(wanted, found) == wanted.keys() - {table}


def test_of_a_player_the_latest_counts_and_of_a_submission_the_first() -> None:
    def case(table: str, at_ms: int, columns: dict[str, Any]) -> Case:
        return Case(surface="", path="", body=b"", allowed=frozenset(), rows=[Row(table, at_ms, columns)])

    players = [{"player_id": "a", "region": region} for region in "123"]
    submissions = [{"submission_id": "a", "answers": [number]} for number in (1, 2)]
    wanted = judge.expected_rows(
        [
            *(case("players", at_ms, player) for at_ms, player in zip((5, 9, 7), players, strict=True)),
            *(case("feedback", 0, submission) for submission in submissions),
        ]
    )
    assert wanted["players"] == {"a": [players[1]]}
    assert wanted["feedback"] == {"a": [submissions[0]]}


def test_a_session_that_says_something_else() -> None:
    session = {"session_id": "a", "title": "NULL"}
    assert judge.judge_sessions({"a": session}, {"a": session}).holds
    assert not judge.judge_sessions({"a": session}, {"a": session | {"title": ""}}).holds
    assert not judge.judge_sessions({"a": session}, {}).holds


@pytest.mark.parametrize(
    ("status", "allowed", "holds"), [(200, True, [True, True]), (503, True, [False, True])]
)
def test_answers(status: int, allowed: bool, holds: list[bool]) -> None:  # noqa: FBT001 - a parameter
    assert [one.holds for one in judge.judge_answers([("s4", status, allowed, "x")])] == holds


def test_an_answer_that_the_contract_does_not_know_and_none_at_all() -> None:
    assert [one.holds for one in judge.judge_answers([("s4", 200, False, "x")])] == [True, False]
    assert [one.holds for one in judge.judge_answers([("s4", 0, False, "x")])] == [False, False]


def test_a_part_that_has_restarted_or_is_gone() -> None:
    before = {"edge": {"pid": 1, "restarts": 0}}
    assert judge.judge_parts(before, before).holds
    assert not judge.judge_parts(before, {"edge": {"pid": 2, "restarts": 0}}).holds
    assert not judge.judge_parts(before, {"edge": {"pid": 1, "restarts": 1}}).holds
    assert not judge.judge_parts(before, {}).holds
