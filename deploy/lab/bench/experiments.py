"""`questlog bench experiments`: how many devices an edge process assigns, and what a comparison costs cold.

The assignment is asked by HTTP, in a studio of its own on the running stack. The comparison is computed over
a database of its own beside the stack's, filled with sessions as a projector would have left them: what it
reads is sessions, insights and feedback, never events, so that these are as many as their counts say.
"""

from __future__ import annotations

import secrets
import time
from random import Random
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.lab.bench.calls import CallOrder, Target, check_calls
from deploy.lab.bench.ingest import load
from deploy.lab.bench.load import percentile
from deploy.lab.bench.processes import cpu_seconds, difference, parts
from deploy.studio_administration import open_administration
from projections.clickhouse import migrations
from projections.clickhouse.client import ClickHouse, time_text
from projections.clickhouse.system_tables import drop_databases
from projections.telemetry.queries.client import ClickHouseQueries
from projections.telemetry.queries.comparison import Compared, compare
from schemas.edge.ports import KeyKind
from schemas.studio.assignment import Assignment
from schemas.studio.commands import StartExperiment
from schemas.studio.definitions import load_definitions
from schemas.studio.experiments import ExperimentDefinition, Run, Variant

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.settings import Settings

CALLS: Final = "deploy.lab.bench.calls"
EXPERIMENTS: Final = 3
DEVICES: Final = 20_000
DAY_MS: Final = 24 * 3600 * 1000
ROWS_A_PIECE: Final = 20_000
VARIANTS: Final = [Variant(key=key, name=key.title(), allocation=50) for key in ("control", "treatment")]
_PLACES: Final = ("act1-door", "act2-lift", "hub", "vendor", "boss", "lava", "bridge")


class AssignmentReport(msgspec.Struct, kw_only=True):
    """What came of asking. Times are milliseconds; CPU is the edge's, in microseconds a request."""

    requests: int
    a_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    refused: int


class ComparisonReport(msgspec.Struct, kw_only=True):
    """What one comparison took with nothing cached by questlog, each time, in milliseconds."""

    sessions: int
    events: int
    insights: int
    cold_ms: list[float]


def definition(slug: str) -> str:
    """A studio with one game without a limit that is met, and some experiments."""
    variants = "[{key: control, name: A, allocation: 50}, {key: treatment, name: B, allocation: 50}]"
    lines = "".join(
        f"      - {{id: exp_bench_{number}, name: Bench, audienceId: aud_new, coverage: 90, "
        f"variants: {variants}}}\n"
        for number in range(EXPERIMENTS)
    )
    return (
        f"studio: {{name: Experiments bench, slug: {slug}, plan: studio}}\n"
        "games:\n  - slug: bench\n    name: Bench\n    limits: {telemetryPerMinute: 1.0e+9}\n"
        f'    audiences: [{{id: aud_new, name: New, minBuild: "0.5.0"}}]\n    experiments:\n{lines}'
    )


async def assignments(settings: Settings, *, seconds: float, connections: int) -> AssignmentReport:
    """Ask for devices at random as fast as answers come. It leaves its studio behind."""
    slug = f"experiments-bench-{secrets.token_hex(4)}"
    async with open_administration(settings) as administration:
        answer = await administration.define(load_definitions(definition(slug)))
        for number in range(EXPERIMENTS):
            command = StartExperiment(experiment_id=f"exp_bench_{number}")
            await administration.experiment(command, studio_id=answer.studio_id)
        key = await administration.create_key(KeyKind.INGEST, studio_id=answer.studio_id)
    path = "/api/telemetry/experiments?gameId=bench&buildVersion=0.6.1&deviceId=device_"
    order = CallOrder(
        url=settings.base_url,
        token=key.value,
        targets=[Target(f"{path}{number}") for number in range(DEVICES)],
        seconds=seconds,
        connections=connections,
    )
    check_calls(order)
    await load(msgspec.structs.replace(order, seconds=min(2.0, seconds)), CALLS)  # fills the edge's memory
    pids = {name: pid for name, pid in parts(settings.home).items() if name.startswith("edge")}
    before = cpu_seconds(pids)
    result = await load(order, CALLS)
    used = sum(difference(before, cpu_seconds(pids)).values())
    return AssignmentReport(
        requests=result.requests,
        a_second=result.requests / result.seconds,
        p50_ms=percentile(result.latencies_ms, 0.5),
        p99_ms=percentile(result.latencies_ms, 0.99),
        cpu_us=used / max(1, result.requests) * 1e6,
        refused=sum(result.refused.values()),
    )


async def comparison(
    url: str, *, sessions: int, events: int, times: int, tell: Callable[[str], None]
) -> ComparisonReport:
    """Fill a database of its own, compare so many times, and drop it. Raises ClickHouseAway."""
    client = ClickHouse(url, f"questlog_bench_{secrets.token_hex(4)}")
    queries = ClickHouseQueries(url, client.database)
    now_ms = time.time_ns() // 1_000_000
    begin_ms = now_ms - 10 * DAY_MS
    experiment = ExperimentDefinition(id="exp_bench", name="Bench", salt="exp_bench", variants=VARIANTS)
    assignment = Assignment("game_bench", experiment, None)
    try:
        await migrations.apply(client)
        tell(f"filling a database of its own with {sessions:,} sessions…")
        insights = await _fill(client, assignment, sessions=sessions, events=events, begin_ms=begin_ms)
        compared = Compared("studio_bench", "game_bench", assignment, [Run(begin_ms)], [])
        taken = []
        for number in range(times):
            began = time.perf_counter()
            await compare(queries, compared, now_ms + number)
            taken.append((time.perf_counter() - began) * 1000)
        return ComparisonReport(sessions=sessions, events=events, insights=insights, cold_ms=taken)
    finally:
        await drop_databases(client)
        await queries.close()
        await client.close()


async def _fill(
    client: ClickHouse, assignment: Assignment, *, sessions: int, events: int, begin_ms: int
) -> int:
    """Two sessions a device; the insights that were put in."""
    random = Random(1)  # noqa: S311 - load, not secrets
    each = max(2, events // sessions)
    insights = 0
    for first in range(0, sessions, ROWS_A_PIECE):
        rows, found = [], []
        for number in range(first, min(first + ROWS_A_PIECE, sessions)):
            row = _session(assignment, number, sessions, each, begin_ms + random.randrange(9 * DAY_MS))
            rows.append(row)
            found += _insights(row, random)
        await _insert(client, "session_parts", rows)
        await _insert(client, "insights", found)
        insights += len(found)
    return insights


def _session(assignment: Assignment, number: int, sessions: int, events: int, at_ms: int) -> dict[str, Any]:
    device = f"device_{number % max(1, sessions // 2)}"
    tag = assignment.variant(device, "0.5.0")
    spans = [(at_ms + part * 60_000, at_ms + part * 60_000 + 25_000) for part in range(8)]
    return {
        "studio_id": "studio_bench",
        "game_id": "game_bench",
        "session_id": f"sess_bench_{number}",
        "player_id": device,
        "build_id": "0.5.0",
        "environment": "production",
        "experiments": msgspec.json.encode({assignment.id: tag}).decode(),
        "first_event_at": time_text(spans[0][0]),
        "last_event_at": time_text(spans[-1][1]),
        "first_arrived_at": time_text(at_ms),
        "event_counts": {"player_pos": events - 1, "crash" if number % 25 == 0 else "level_started": 1},
        "spans": spans,
        "ended": 1,
        "closed": 1,
        "_partition": 0,
        "_version": number + 1,
    }


def _insights(session: dict[str, Any], random: Random) -> list[dict[str, Any]]:
    kinds = ["session-summary"]
    kinds += random.choices(("stuck-point", "difficulty-spike", "pacing-issue", "positive-moment"), k=2)
    return [
        {
            **{name: session[name] for name in ("studio_id", "game_id", "session_id", "player_id")},
            "insight_id": f"ins_{session['session_id']}_{index}",
            "type": kind,
            "tag": kind if index == 0 else f"{random.choice(_PLACES)}-{kind}",
            "created_at": session["last_event_at"],
            "removed": 0,
            "_version": 1,
        }
        for index, kind in enumerate(kinds)
    ]


async def _insert(client: ClickHouse, table: str, rows: list[dict[str, Any]]) -> None:
    body = b"\n".join(map(msgspec.json.encode, rows))
    await client.insert(table, sorted(rows[0]), body, form="JSONEachRow", token=secrets.token_hex(8))
