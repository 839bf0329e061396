"""Prints what a drill found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from deploy.cli import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table

    from deploy.lab.drill.checks import Verdict
    from deploy.lab.drill.faults import Outcome
    from deploy.lab.drill.fleet_plan import FleetOutcome
    from deploy.lab.drill.soak import Memory


def show_faults(console: Console, outcome: Outcome) -> None:
    """Print the recoveries and what was sent."""
    table = tables.table("part", "event queryable", "part ready", "allowed", title="Recovery after SIGKILL")
    for recovery in outcome.recoveries:
        table.add_row(
            recovery.part,
            _seconds(recovery.queryable_seconds),
            _seconds(recovery.ready_seconds),
            _seconds(recovery.allowed),
        )
    tables.show(console, table)
    console.print(
        f"{outcome.events:,} events accepted in {outcome.seconds:.0f} s; {outcome.attempts:,} requests sent; "
        "answers "
        + ", ".join(f"{answer} {count:,} times" for answer, count in sorted(outcome.answers.items()))
    )


def show_fleet(console: Console, outcome: FleetOutcome) -> None:
    """Print how many servers there were, and how long things took."""
    console.print(
        f"driver {outcome.driver}: {outcome.servers:,} servers, {outcome.launches:,} launches and "
        f"{outcome.lines:,} lines in {outcome.playing_seconds:.0f} s "
        f"({outcome.launches / max(outcome.playing_seconds, 1):.2f} launches/s), checked by "
        f"{outcome.seconds:.0f} s; {outcome.unsure} attempts of unknown outcome; answers {outcome.answers}"
    )
    console.print(
        f"placed to ready p50 {outcome.ready_p50_seconds:.1f} s, p99 {outcome.ready_p99_seconds:.1f} s; "
        f"adopted after {_span(outcome.adoption_seconds)}; lost after {_span(outcome.lost_seconds)}"
    )


def _span(seconds: Sequence[float]) -> str:
    return f"{min(seconds):.1f} to {max(seconds):.1f} s" if seconds else "-"


def show_verdicts(console: Console, verdicts: Sequence[Verdict]) -> None:
    """Print each line, and whether it holds."""
    verdict = tables.table("", "", "", title="Verdict", words=3)
    for line in verdicts:
        verdict.add_row("[green]holds[/]" if line.holds else "[red]FAILS[/]", line.name, Text(line.figures))
    tables.show(console, verdict)


def memory_table(memories: list[Memory]) -> Table:
    """A row for each process."""
    columns = ("process", "first MiB", "last MiB", "MiB a minute after warm-up")
    table = tables.table(*columns, title="Resident memory")
    for memory in memories:
        table.add_row(
            memory.part,
            f"{memory.first_mib:.0f}",
            f"{memory.last_mib:.0f}",
            f"{memory.slope_mib_per_minute:+.2f}",
        )
    return table


def _seconds(value: float | None) -> str:
    return "not in time" if value is None else f"{value:.1f} s"
