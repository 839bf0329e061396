"""What is extrapolated follows from what was measured, and the report fits a terminal."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.console import Console

from deploy.lab.bench.liveops import Figures
from deploy.lab.bench.scale import Step
from deploy.lab.bench.sizing import DAY_S, FULL_SHARE, GIB, Demand, Units, by_kind, full_at, groups_for, needs
from deploy.lab.cli.bench_scale import report

UNITS = Units(
    event_cpu_us={"edge": 4.0, "worker-clickhouse": 6.0},
    command_cpu_us={"edge": 200.0, "redis": 50.0},
    command_redis_us=40.0,
    command_script_us=30.0,
    event_log_bytes=20.0,
    event_table_bytes=10.0,
    command_log_bytes=400.0,
    command_table_bytes=100.0,
    player_redis_bytes=2048.0,
)
DEMAND = Demand(players=1_000_000, sessions_a_player=2, events_a_session=100, commands_a_session=10, peak=3)


def test_parts_are_counted_by_kind() -> None:
    used = {"edge-0": 1.0, "edge-1": 2.0, "worker-clickhouse": 4.0, "worker-redis-3": 8.0, "kafka": 16.0}
    assert by_kind(used) == {"edge": 3.0, "worker-clickhouse": 4.0, "worker-redis": 8.0, "kafka": 16.0}


@given(st.floats(1, 1e6), st.floats(1, 1e4))
def test_groups_take_the_rate_and_one_fewer_does_not(rate: float, redis_us: float) -> None:
    groups = groups_for(rate, redis_us)
    assert rate / groups <= full_at(redis_us) * FULL_SHARE * 1.0001
    assert groups == 1 or rate / (groups - 1) > full_at(redis_us) * FULL_SHARE * 0.9999


def test_a_day_is_what_its_events_and_commands_take() -> None:
    lines = {need.what: need.extrapolated for need in needs(UNITS, DEMAND)}
    events, commands = 200_000_000, 20_000_000
    edge = (events * 4.0 + commands * 200.0) / 1e6 / DAY_S * 3
    assert lines["edge"] == f"{edge:.1f} cores"
    assert lines["worker-clickhouse"] == f"{events * 6.0 / 1e6 / DAY_S * 3:.1f} cores"
    assert lines["brokers, disk a day"] == f"{(events * 20 + commands * 400) * 3 / GIB:,.0f} GiB"
    assert lines["ClickHouse, disk a day"] == f"{(events * 10 + commands * 100) / GIB:,.0f} GiB"
    assert lines["Redis, memory"] == f"{2048 * 5_000_000 / GIB:,.0f} GiB"
    assert lines["Redis, rate"] == "1 of them"
    busier = {need.what: need.extrapolated for need in needs(UNITS, replace(DEMAND, players=100_000_000))}
    assert busier["Redis, rate"] == f"{groups_for(commands * 100 / DAY_S * 3, 40.0)} of them"


@pytest.mark.parametrize("count", [1, 3])
def test_the_report_fits_100_columns(count: int) -> None:
    one = Figures(
        name="progress",
        connections=128,
        requests=10_000,
        requests_a_second=1_234.5,
        p50_ms=1.0,
        p99_ms=2.0,
        refused={},
        lost=0,
        cpu_us={"edge": 250.0},
        cpu_us_total=250.0,
    )
    step = Step(
        partitions=1,
        cores=2,
        events_a_second=200_000.0,
        events_a_core=60_000.0,
        commands={"debit": one, "progress": one},
        units=UNITS,
    )
    said = io.StringIO()
    console = Console(file=said, width=100, highlight=False)
    report(console, [replace(step, partitions=2**number) for number in range(count)], DEMAND)
    lines = said.getvalue().splitlines()
    assert max(map(len, lines)) <= 100
    assert any(line.split() == ["progress/s", "a", "core", *["4,000"] * count] for line in lines)
    assert any("full at 25,000 commands/s" in line for line in lines)
