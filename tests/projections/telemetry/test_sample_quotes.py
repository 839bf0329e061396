"""Quotes of a comparison against brute force over what was sent as feedback: late, repeated, of elsewhere."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

from projections.telemetry.queries.client import ClickHouseQueries
from projections.telemetry.queries.comparison import Compared, compare
from schemas.studio.experiments import Run
from schemas.telemetry.record import EntryKind
from tests.projections.telemetry.projecting import apply
from tests.projections.telemetry.support import GAME, MINUTE, SECOND, START_MS, STUDIO, MemoryLog, entry, s1
from tests.projections.telemetry.test_comparison import assignment

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse

pytestmark = pytest.mark.stack

CLOSED: Final = "ff_a\nq0"
TEXTS: Final = ("", "  ", "yes", "Zu dunkel 🙂", "ä" * 300, "<b>see</b> https://evil.example", 5, True, None)
MOMENTS: Final = 4
"""Few, so that many answers come at one moment, and apart: what is repeated later is inserted by itself."""


class Sent(NamedTuple):
    """A submission as it was sent. `tag` is what its session said."""

    at_ms: int
    form: str
    submission: str
    session: str
    device: str
    answers: list[dict[str, Any]]


def text_of(sent: Sent) -> str | None:
    """Its first answer in words."""
    for answer in sent.answers:
        value = answer["value"]
        if isinstance(value, str) and value.strip() and f"{sent.form}\n{answer['fieldId']}" != CLOSED:
            return value
    return None


def generated(dice: Random) -> tuple[MemoryLog, dict[str, tuple[str, str]], list[Sent]]:
    """A log, each session's device and tag, and what was submitted, in the log's order."""
    log = MemoryLog()
    sessions: dict[str, tuple[str, str]] = {}
    for number in range(60):
        device = f"device_{number % 25}"
        right = assignment().variant(device, "0.4.9") or ""
        tag = dice.choice([right, right, right, "control", "nonsense", ""])
        sessions[f"s_{number}"] = device, tag
        events = [{"name": "a", "t": START_MS + at * SECOND, "seq": at} for at in (1, 2)]
        tags = {"exp_x": tag} if tag else {"exp_other": "a"}
        log.put(s1(f"s_{number}", *events, deviceId=device, experiments=tags, ended=True), at_ms=START_MS)
    sent = [
        Sent(
            START_MS + dice.randrange(MOMENTS) * MINUTE,
            dice.choice(["ff_a", "ff_b"]),
            f"sub_{dice.randrange(150)}",
            dice.choice([*sessions, "unknown"]),
            f"device_{dice.randrange(25)}",
            [{"fieldId": f"q{n}", "value": dice.choice(TEXTS)} for n in range(dice.randint(1, 3))],
        )
        for _ in range(250)
    ]
    sent.sort(key=lambda one: one.at_ms)
    for one in sent:
        body = {
            "gameId": GAME,
            "sessionId": one.session,
            "deviceId": one.device,
            "formId": one.form,
            "submissionId": one.submission,
            "answers": one.answers,
        }
        log.put(entry(EntryKind.S1_FEEDBACK, json.dumps(body).encode()), at_ms=one.at_ms)
    return log, sessions, sent


def brute_force(sessions: dict[str, tuple[str, str]], sent: list[Sent]) -> dict[str, list[str]]:
    first: dict[tuple[str, str], Sent] = {}
    for one in sent:
        first.setdefault((one.form, one.submission), one)
    found: dict[str, list[str]] = {}
    heard: set[str] = set()
    for one in sorted(first.values(), key=lambda one: (-one.at_ms, one.submission, one.form)):
        device, tag = sessions.get(one.session, ("", ""))
        text = text_of(one)
        valid = tag != "" and tag == assignment().variant(device, "0.4.9")
        if text is None or not valid or device in heard:
            continue
        heard.add(device)
        found.setdefault(tag, []).append(text[:200])
    return {tag: quotes[:5] for tag, quotes in found.items()}


@pytest.mark.parametrize("seed", range(3))
async def test_quotes_are_those_of_brute_force(database: ClickHouse, clickhouse_url: str, seed: int) -> None:
    log, sessions, sent = generated(Random(seed))
    await apply(database, log)
    queries = ClickHouseQueries(clickhouse_url, database.database)
    try:
        asked = Compared(STUDIO, GAME, assignment(), [Run(START_MS)], [CLOSED])
        found = await compare(queries, asked, START_MS + MOMENTS * MINUTE)
    finally:
        await queries.close()
    quotes = {one.key: one.quotes for one in found.variants if one.quotes}
    assert quotes == brute_force(sessions, sent)
    assert [len(some) for some in quotes.values()] == [5, 5]
