"""What `questlog bench questions` fills a ClickHouse with, and that every question has an answer there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
import pytest_asyncio
from rich.console import Console

from deploy.lab.bench.question_store import DAY_MS, GAME, STUDIO, Filled, fill
from deploy.lab.bench.questions import Asked, QuestionsReport, cookbook
from deploy.lab.cli.bench_questions import report
from deploy.nouns import views
from projections.clickhouse.system_tables import drop_databases
from projections.clickhouse.views import apply_views
from tests.migrated import migrated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from projections.clickhouse.client import ClickHouse

stack, one_loop = pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")
DAYS, EVENTS, BEGIN_MS = 3, 6_000, 1_790_000_000_000 // DAY_MS * DAY_MS


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(clickhouse_url: str) -> AsyncIterator[ClickHouse]:
    client = await migrated(clickhouse_url, f"test_{uuid4().hex[:12]}")
    for studio, events in ((STUDIO, EVENTS), ("another", EVENTS // 2)):
        await fill(client, studio, f"{GAME}_{studio}", events=events, begin_ms=BEGIN_MS, days=DAYS)
    await apply_views(client, views())
    yield client
    await drop_databases(client)
    await client.close()


@stack
@one_loop
async def test_sessions_hold_what_events_there_are(filled: ClickHouse) -> None:
    by_events = await filled.rows(
        "SELECT studio_id, session_id, count(), min(occurred_at), max(occurred_at) FROM events GROUP BY 1, 2"
    )
    by_sessions = await filled.rows(
        f"SELECT studio_id, session_id, events, at, ended_at FROM {filled.views.database}.sessions"
    )
    assert sorted(by_sessions) == sorted(by_events)
    assert len(by_sessions) == (EVENTS + EVENTS // 2) // 100
    assert await filled.rows("SELECT count() FROM positions") == await filled.rows(
        "SELECT count() FROM events"
    )
    assert await filled.rows("SELECT count() FROM system.tables WHERE name = 'bench_sessions'") == [[0]]


@stack
@one_loop
@pytest.mark.parametrize("name", cookbook())
async def test_every_question_has_an_answer(filled: ClickHouse, name: str) -> None:
    game = f"{GAME}_{STUDIO}"
    (player,) = (
        await filled.rows("SELECT any(player_id) FROM players WHERE game_id = {game:String}", {"game": game})
    )[0]
    values: dict[str, str | float] = {
        "game": game,
        "until": "2026-10-20 00:00:00",
        "times": 5.0,
        "player": player,
        "room": "E1M1",
        "cell": 25.0,
    }
    statement = cookbook()[name]
    used = {key: values[key] for key in set(re.findall(r"{(\w+):", statement))}
    assert await filled.views.rows(statement, used)


def test_the_table_is_whole_on_100_columns() -> None:
    asked = [
        Asked(name=name, rows=100_000, rows_read=40_000_000, cold_ms=9e4, warm_ms=[9e4], cpu_ms=[9e4])
        for name in cookbook()
    ]
    why = "Memory limit exceeded."
    asked[0] = Asked(name=asked[0].name, rows=0, rows_read=0, cold_ms=0, warm_ms=[], cpu_ms=[], refused=why)
    rows = dict.fromkeys(("events", "liveops_final_entries"), 10_000_000)
    console = Console(width=100, record=True, highlight=False)
    report(console, QuestionsReport(filled=Filled(events_asked=1, begin_ms=0, rows=rows), asked=asked))
    told = console.export_text().splitlines()
    assert max(map(len, told)) <= 100
    assert f"{asked[0].name}: {why}" in told
    assert [name for name in cookbook() if not any(line.startswith(name + " ") for line in told)] == []
