"""Prints what a bench run found: one table for each question, and the ratios to the ceilings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from rich.console import Console

    from deploy.lab.bench.ceilings import Ceiling
    from deploy.lab.bench.ingest import Phase


def show(console: Console, phases: list[Phase], ceilings: list[Ceiling]) -> None:
    """The whole report."""
    console.print(_phases(phases))
    console.print(_cpu(phases))
    for phase in phases:
        if phase.refused or phase.lost:
            console.print(
                f"{phase.name}: answers other than 2xx {phase.refused}, connections lost {phase.lost}"
            )
    if ceilings:
        console.print(_ceilings(ceilings))
        for line in ratios(phases, ceilings):
            console.print(line)


def _phases(phases: list[Phase]) -> Table:
    table = Table(title="Accepted, and queryable", title_justify="left", box=None, pad_edge=False)
    for title in (
        "",
        "events/s",
        "requests/s",
        "answer p50",
        "p99",
        "queryable p50",
        "p99",
        "caught up after",
    ):
        table.add_column(title, justify="left" if not title else "right")
    for phase in phases:
        table.add_row(
            phase.name,
            f"{phase.events_a_second:,.0f}",
            f"{phase.requests_a_second:,.0f}",
            _ms(phase.answer_p50_ms),
            _ms(phase.answer_p99_ms),
            _ms(phase.queryable_p50_ms),
            _ms(phase.queryable_p99_ms),
            "not" if phase.caught_up_seconds is None else f"{phase.caught_up_seconds:.1f} s",
        )
    return table


def _cpu(phases: list[Phase]) -> Table:
    table = Table(title="CPU for each event, µs", title_justify="left", box=None, pad_edge=False)
    table.add_column("process")
    for phase in phases:
        table.add_column(phase.name, justify="right")
    for name in sorted({name for phase in phases for name in phase.cpu_us}):
        table.add_row(name, *(f"{phase.cpu_us.get(name, 0.0):.2f}" for phase in phases))
    table.add_row("total, wire to query", *(f"{phase.cpu_us_total:.2f}" for phase in phases))
    table.add_row("edge while accepting", *(f"{phase.accept_cpu_us:.2f}" for phase in phases))
    table.add_row("(load generator)", *(f"{phase.load_cpu_us:.2f}" for phase in phases))
    return table


def _ceilings(ceilings: list[Ceiling]) -> Table:
    table = Table(title="Ceilings in this run", title_justify="left", box=None, pad_edge=False)
    for title in ("", "units/s", "store's CPU a unit", "MB/s"):
        table.add_column(title, justify="left" if not title else "right")
    for ceiling in ceilings:
        unit = "rows" if ceiling.what.startswith("insert") else "events"
        table.add_row(
            f"{ceiling.what} ({unit})",
            f"{ceiling.rate:,.0f}",
            f"{ceiling.cpu_us:.2f} µs",
            f"{ceiling.bytes_sent / ceiling.seconds / 1e6:,.0f}",
        )
    return table


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
