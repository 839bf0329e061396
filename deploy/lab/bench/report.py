"""Prints what a bench run found: one table for each question, and the ratios to the ceilings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.cli.tables import figures, show, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console
    from rich.table import Table

    from deploy.lab.bench.ceilings import Ceiling
    from deploy.lab.bench.ingest import Phase


def show_report(console: Console, phases: list[Phase], ceilings: list[Ceiling]) -> None:
    """The whole report."""
    show(console, *_phases(phases), *_cpu(phases))
    for phase in phases:
        if phase.refused or phase.lost:
            console.print(
                f"{phase.name}: answers other than 2xx {phase.refused}, connections lost {phase.lost}"
            )
    if ceilings:
        show(console, _ceilings(ceilings))
        for line in ratios(phases, ceilings):
            console.print(line, soft_wrap=False)


def cpu_rows(used: Sequence[Mapping[str, float]], digits: int) -> dict[str, list[str]]:
    """A row for each process, of what each measurement used of it."""
    names = sorted({name for one in used for name in one})
    return {name: [f"{one.get(name, 0.0):.{digits}f}" for one in used] for name in names}


def _phases(phases: list[Phase]) -> list[Table]:
    rows = {
        "events/s": [f"{phase.events_a_second:,.0f}" for phase in phases],
        "requests/s": [f"{phase.requests_a_second:,.0f}" for phase in phases],
        "answered, p50": [_ms(phase.answer_p50_ms) for phase in phases],
        "answered, p99": [_ms(phase.answer_p99_ms) for phase in phases],
        "queryable, p50": [_ms(phase.queryable_p50_ms) for phase in phases],
        "queryable, p99": [_ms(phase.queryable_p99_ms) for phase in phases],
        "caught up after": [
            "not" if phase.caught_up_seconds is None else f"{phase.caught_up_seconds:.1f} s"
            for phase in phases
        ],
    }
    return figures([phase.name for phase in phases], rows, title="Accepted, and queryable")


def _cpu(phases: list[Phase]) -> list[Table]:
    rows = cpu_rows([phase.cpu_us for phase in phases], digits=2) | {
        "total, wire to query": [f"{phase.cpu_us_total:.2f}" for phase in phases],
        "edge while accepting": [f"{phase.accept_cpu_us:.2f}" for phase in phases],
        "(load generator)": [f"{phase.load_cpu_us:.2f}" for phase in phases],
    }
    return figures([phase.name for phase in phases], rows, title="CPU for each event, µs")


def _ceilings(ceilings: list[Ceiling]) -> Table:
    made = table("", "units/s", "store's CPU a unit", "MB/s", title="Ceilings in this run")
    for ceiling in ceilings:
        unit = "rows" if ceiling.what.startswith("insert") else "events"
        made.add_row(
            f"{ceiling.what} ({unit})",
            f"{ceiling.rate:,.0f}",
            f"{ceiling.cpu_us:.2f} µs",
            f"{ceiling.bytes_sent / ceiling.seconds / 1e6:,.0f}",
        )
    return made


def ratios(phases: list[Phase], ceilings: list[Ceiling]) -> list[str]:
    """The load's figures beside the ceilings, in words."""
    batched = [phase for phase in phases if phase.batch > 1 and phase.events]
    by_name = {ceiling.what: ceiling for ceiling in ceilings}
    append, insert = by_name.get("append to Kafka"), by_name.get("insert into ClickHouse")
    lines: list[str] = []
    if not batched:
        return lines
    best = max(batched, key=lambda phase: phase.events_a_second)
    if append is not None:
        lines.append(f"accepted: {best.events_a_second / append.rate:.0%} of the bare append's rate")
    if insert is not None:
        rows_an_event = sum(best.rows.values()) / best.events
        floor = insert.cpu_us * rows_an_event + (append.cpu_us if append is not None else 0.0)
        cheapest = min(phase.cpu_us_total for phase in batched)
        lines.append(
            f"CPU from wire to query: {cheapest:.1f} µs an event, {cheapest / floor:.1f} times what the "
            f"stores alone need ({floor:.1f} µs for {rows_an_event:.2f} rows)"
        )
    return lines


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f} ms" if value < 1000 else f"{value / 1000:,.2f} s"
