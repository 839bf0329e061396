"""What the command line prints is whole on 80 and on 100 columns, by the renderer itself."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from deploy.cli.dlq import Entry, entry_lines
from deploy.cli.keys import COLUMNS, key_cells, key_lines
from deploy.cli.piped import rows_text
from deploy.cli.status import parts_table
from deploy.cli.tables import figures, show, table
from deploy.lab.bench.ceilings import Ceiling
from deploy.lab.bench.ingest import Phase
from deploy.lab.bench.liveops import Figures
from deploy.lab.bench.report import show_report
from deploy.lab.cli.bench_liveops import measurements
from deploy.lab.cli.drill_results import memory_table, show_verdicts
from deploy.lab.drill.checks import Verdict
from deploy.lab.drill.soak import Memory
from projections.studio.projection import KeyRow
from schemas.dead_letters import DEAD_LETTER_VERSION, DeadLetter
from schemas.timestamps import iso_ms

PROCESSES = (
    *("clickhouse", "edge", "edge-2", "kafka", "redis", "worker-clickhouse", "worker-clickhouse-2"),
    *("worker-decider", "worker-effects", "worker-redis", "worker-timer"),
)
CPU = {name: 1234.5 + number for number, name in enumerate(PROCESSES)}
both_widths = pytest.mark.parametrize("width", [80, 100])


def screen(width: int) -> Console:
    """As every command makes its console."""
    return Console(file=io.StringIO(), width=width, highlight=False, soft_wrap=True)


def lines(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def words_of(console: Console) -> list[list[str]]:
    """The words of each line, none of which goes beyond the screen."""
    printed = lines(console)
    assert max(map(len, printed)) <= console.width
    assert "…" not in "".join(printed)
    return [line.split() for line in printed]


@both_widths
def test_bench_commands_has_a_row_for_each_process(width: int) -> None:
    console = screen(width)
    found = [
        Figures(
            name=name,
            connections=connections,
            requests=100_000,
            requests_a_second=12_345.6,
            p50_ms=1234.56,
            p99_ms=2345.67,
            refused={},
            lost=0,
            cpu_us=CPU,
            cpu_us_total=13_579.0,
        )
        for connections in (1, 32, 128)
        for name in ("self at depth", "progress")
    ]
    show(console, *measurements(found))
    words = words_of(console)
    for name in PROCESSES:
        assert [name, *[f"{CPU[name]:.0f}"] * 6] in words
    assert ["requests/s", *["12,346"] * 6] in words
    assert ["CPU", "a", "request,", "µs", *["13579"] * 6] in words


@both_widths
def test_bench_ingest_has_a_row_for_each_process(width: int) -> None:
    console = screen(width)
    phases = [
        Phase(
            name=name,
            batch=100,
            connections=32,
            asked_rate=0.0,
            seconds=10.0,
            requests=1,
            requests_a_second=12_345.6,
            events=100,
            events_a_second=1_234_567.0,
            rows={"events": 100},
            refused={},
            lost=0,
            answer_p50_ms=999.94,
            answer_p99_ms=12_345.0,
            queryable_p50_ms=None,
            queryable_p99_ms=123_456.0,
            queryable_missing=0,
            caught_up_seconds=123.4,
            cpu_us=CPU,
            cpu_us_total=13_579.0,
            accept_cpu_us=3.3,
            load_cpu_us=4.4,
        )
        for name in ("hold 1,000,000/s", "single events", "accept")
    ]
    names = ("append to Kafka", "insert into ClickHouse")
    bare = [Ceiling(what=what, seconds=5.0, units=10, cpu_seconds=1.0, bytes_sent=10**9) for what in names]
    show_report(console, phases, bare)
    words = words_of(console)
    for name in PROCESSES:
        assert [name, *[f"{CPU[name]:.2f}"] * 3] in words
    assert ["events/s", *["1,234,567"] * 3] in words
    assert ["queryable,", "p99", *["123.46", "s"] * 3] in words


def test_many_measurements_go_into_further_tables() -> None:
    console = screen(80)
    show(console, *figures([f"m{number}" for number in range(14)], {"row": [str(n) for n in range(14)]}))
    assert [line.split() for line in lines(console)] == [
        ["m0", "m1", "m2", "m3", "m4", "m5"],
        ["row", "0", "1", "2", "3", "4", "5"],
        ["m6", "m7", "m8", "m9", "m10", "m11"],
        ["row", "6", "7", "8", "9", "10", "11"],
        ["m12", "m13"],
        ["row", "12", "13"],
    ]


@both_widths
def test_status_shows_every_part_in_one_line(width: int) -> None:
    console = screen(width)
    part = {
        "state": "restarting",
        "pid": 4194304,
        "lag": 12_345_678_901,
        "restarts": 1234,
        "admin_port": 65535,
    }
    show(console, parts_table([part | {"name": name} for name in PROCESSES]))
    figures_shown = ["restarting", "4194304", "12345678901", "1234", "65535"]
    assert words_of(console)[1:] == [[name, *figures_shown] for name in PROCESSES]


@both_widths
def test_drills_show_verdicts_and_memory_whole(width: int) -> None:
    console = screen(width)
    show(console, memory_table([Memory("worker-clickhouse-2", 12345.6, 23456.7, -1234.56)]))
    assert ["worker-clickhouse-2", "12346", "23457", "-1234.56"] in words_of(console)
    console = screen(width)
    counts = [f"[{name}] 12,345" for name in PROCESSES]
    found = "; ".join([*counts, "x" * 200])
    show_verdicts(console, [Verdict("every accepted event once in every table", holds=False, figures=found)])
    said = "".join(word for words in words_of(console) for word in words)
    for count in counts:
        assert count.replace(" ", "") in said
    assert said.count("x") == 200


def test_what_is_too_long_for_a_cell_goes_on_in_its_next_line() -> None:
    console = screen(40)
    made = table("name", "figure")
    made.add_row("n" * 50, "1" * 45)
    show(console, made)
    said = "".join("".join(words) for words in words_of(console)[1:])
    assert (said.count("n"), said.count("1")) == (50, 45)


def test_lists_print_ids_and_errors_whole() -> None:
    row = KeyRow(
        key_id="k" * 26,
        kind="relay_lo_live",
        name="a label",
        game_id="g" * 36,
        tester_id="t" * 128,
        created_at_ms=1_790_000_000_000,
        rotated_at_ms=1_790_000_000_001,
    )
    said = key_lines("studio", "doom", row)
    assert said[0] == f"{'k' * 26}  relay_lo_live"
    assert said[1] == f"    studio studio, game doom, tester {'t' * 128}, name a label"
    piped = rows_text(COLUMNS, [key_cells("studio", "doom", row)]).splitlines()
    times = f"{iso_ms(row.created_at_ms)}\t{iso_ms(1_790_000_000_001)}"
    assert piped == [
        "id\tkind\tstudio\tgame\ttester\tname\tcreated\trotated",
        f"{'k' * 26}\trelay_lo_live\tstudio\tdoom\t{'t' * 128}\ta label\t{times}",
    ]
    letter = DeadLetter(
        version=DEAD_LETTER_VERSION,
        topic="liveops.commands",
        partition=1,
        offset=2,
        index=3,
        reader="decider.liveops",
        reason="undecodable-command",
        error="e" * 300,
        appended_at_ms=1_790_000_000_000,
        key=None,
        body=None,
    )
    shown = entry_lines(Entry(letter, replays=2))
    assert shown[0].startswith("liveops.commands-1-2-3  2026-")
    assert shown[1:] == ["    decider.liveops, undecodable-command, replayed 2 times", f"    {'e' * 300}"]
