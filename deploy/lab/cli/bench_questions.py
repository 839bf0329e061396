"""`questlog bench questions`: the cookbooks' questions as an analyst's account over many events."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from deploy.cli.tables import show, table
from deploy.lab.bench.questions import QuestionsReport, ask_questions
from deploy.lab.cli.measurement import measure_in
from deploy.stack.program import PartFailed
from projections.clickhouse.errors import ClickHouseAway
from schemas.edge.ports import StoreUnavailable

_FAILURES = (TimeoutError, PartFailed, ClickHouseAway, StoreUnavailable)


def questions_command(
    events: Annotated[
        int, typer.Option(min=3_000, max=100_000_000, help="Events of the game that is asked about.")
    ] = 10_000_000,
    times: Annotated[int, typer.Option(min=1, max=100, help="Warm asks of each question.")] = 5,
    only: Annotated[list[str] | None, typer.Option(help="A question's name; give several.")] = None,
    home: Annotated[
        Path | None,
        typer.Option(help="Keep the store here, and ask it again the next time; a temporary folder else."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Fill a ClickHouse of its own with a month of a game, and ask every question of the cookbooks.

    They are asked one after the other as an analyst's account, with its row policies and limits. No stack
    needs to run.
    """
    console = Console(highlight=False, soft_wrap=True, stderr=as_json)

    async def run(folder: Path) -> QuestionsReport:
        return await ask_questions(
            folder,
            events=events,
            times=times,
            only=only or [],
            tell=lambda line: console.print(line, style="dim"),
        )

    found = measure_in(home, "questions", run, console, *_FAILURES)
    if as_json:
        print(msgspec.json.encode(found).decode())
    else:
        report(console, found)


def report(console: Console, found: QuestionsReport) -> None:
    """What was asked about, then a line a question."""
    counts = ", ".join(f"{rows:,} {name}" for name, rows in sorted(found.filled.rows.items()))
    console.print(f"Rows of the studio: {counts}.")
    shown = table("question", "rows", "cold ms", "p50 ms", "longest ms", "least CPU ms", "rows read")
    for one in found.asked:
        if one.refused:
            shown.add_row(one.name, *["-"] * 6)
            continue
        shown.add_row(
            one.name,
            f"{one.rows:,}",
            f"{one.cold_ms:,.0f}",
            f"{statistics.median(one.warm_ms):,.0f}",
            f"{max(one.warm_ms):,.0f}",
            f"{min(one.cpu_ms):,.0f}",
            f"{one.rows_read:,}",
        )
    show(console, shown)
    for one in found.asked:
        if one.refused:
            console.print(f"{one.name}: {one.refused}", markup=False)
