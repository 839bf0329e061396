"""The judge must see every wrong it is there to see: each is planted here."""

from __future__ import annotations

import msgspec
import pytest

from deploy.lab.drill.checks import Verdict, judge_attempts
from deploy.lab.drill.numbered_events import Attempt, Fate, Found, Request, Surface, body, expected, requests
from deploy.lab.drill.soak import slope

EXACT, WHOLE, NOTHING_ELSE = range(3)
Tables = dict[str, dict[int, Found]]


def world() -> tuple[list[Attempt], Tables]:
    """Four requests: accepted at once, after a 503 that did not land, after one that did (S1), never."""
    made = requests("run", 40, 10, lanes=2)
    attempts = [
        Attempt(0, made[0], Fate.ACCEPTED),
        Attempt(1, made[1], Fate.UNKNOWN),
        Attempt(2, made[1], Fate.ACCEPTED),
        Attempt(3, made[3], Fate.UNKNOWN),
        Attempt(4, made[3], Fate.ACCEPTED),
        Attempt(5, made[2], Fate.REFUSED),
    ]
    assert made[3].surface is Surface.S1
    return attempts, holding([attempts[0], attempts[2], attempts[3]])


def holding(attempts: list[Attempt]) -> Tables:
    tables: Tables = {table: {} for table in ("events", "positions", "funnel_steps", "performance")}
    for attempt in attempts:
        for table, found in expected(attempt.request).items():
            tables[table][attempt.number] = found
    return tables


def judged(attempts: list[Attempt], tables: Tables) -> list[bool]:
    verdicts: list[Verdict] = judge_attempts(attempts, tables)
    return [verdict.holds for verdict in verdicts]


def test_a_right_world_holds() -> None:
    assert judged(*world()) == [True, True, True]


def test_an_unknown_s4_request_may_be_there_beside_its_retry() -> None:
    attempts, _ = world()
    assert judged(attempts, holding([attempts[n] for n in (0, 1, 2, 4)])) == [True, True, True]


def test_a_missing_row_is_seen() -> None:
    attempts, tables = world()
    found = tables["events"][0]
    tables["events"][0] = msgspec.structs.replace(found, rows=found.rows - 1, distinct=found.distinct - 1)
    assert judged(attempts, tables)[EXACT] is False


def test_a_doubled_row_is_seen_even_where_the_distinct_numbers_are_right() -> None:
    attempts, tables = world()
    found = tables["positions"][0]
    tables["positions"][0] = msgspec.structs.replace(found, rows=found.rows + 1)
    assert judged(attempts, tables)[EXACT] is False


def test_an_accepted_request_that_is_not_there_is_seen() -> None:
    attempts, _ = world()
    assert judged(attempts, holding([attempts[2], attempts[3]]))[EXACT] is False


def test_a_table_that_lacks_an_attempt_makes_it_half() -> None:
    attempts, tables = world()
    del tables["funnel_steps"][2]
    assert judged(attempts, tables)[EXACT] is False
    assert judged(attempts, tables)[WHOLE] is False


def test_half_an_unknown_request_is_seen() -> None:
    attempts, tables = world()
    tables["events"][1] = expected(attempts[1].request)["events"]
    assert judged(attempts, tables)[WHOLE] is False


def test_an_s1_request_that_counts_twice_is_seen() -> None:
    attempts, _ = world()
    assert judged(attempts, holding([attempts[n] for n in (0, 2, 3, 4)]))[EXACT] is False


def test_an_s1_request_of_which_no_attempt_is_there_is_seen() -> None:
    attempts, _ = world()
    assert judged(attempts, holding([attempts[0], attempts[2]]))[EXACT] is False


@pytest.mark.parametrize("number", [5, 99])
def test_what_was_refused_or_never_sent_must_not_be_there(number: int) -> None:
    attempts, tables = world()
    for table, found in expected(attempts[5].request).items():
        tables[table][number] = found
    assert judged(attempts, tables)[NOTHING_ELSE] is False


def test_requests_cover_every_number_once_and_keep_to_their_lanes_session() -> None:
    made = requests("run", 1_050, 100, lanes=3)
    numbers = [n for request in made for n in range(request.first, request.first + request.count)]
    assert numbers == list(range(1_050))
    assert {request.surface for request in made} == set(Surface)
    assert all(f"-{request.surface}-" in request.session_id for request in made)


def test_bodies_carry_number_and_attempt() -> None:
    s4, s1 = Request(Surface.S4, 0, 10, "a"), Request(Surface.S1, 10, 10, "b")
    items = msgspec.msgpack.decode(body(s4, 7, "game", 1_790_000_000_000))
    assert [item["position"] for item in items[:8]] == [[float(n), 7.0, 0.0] for n in range(8)]
    assert (items[8]["n"], items[8]["a"]) == (8, 7)
    assert items[9]["positions"][:3] == [36.0, 7.0, 0.0]
    batch = msgspec.json.decode(body(s1, 8, "game", 1_790_000_000_000))
    assert [event["seq"] for event in batch["events"]] == list(range(10, 20))
    assert {event["y"] for event in batch["events"]} == {8.0}
    assert expected(s1)["events"].rows + expected(s1)["positions"].rows == 10


def test_a_slope_is_fitted() -> None:
    assert slope([(0, 1), (1, 3), (2, 5)]) == pytest.approx(2)
    assert slope([(0, 5), (1, 5)]) == 0
    assert slope([(1, 5)]) == 0
