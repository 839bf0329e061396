"""`questlog simulate`: a noun's write path under faults, in virtual time, from seeds."""

from __future__ import annotations

import logging
import time
from collections import Counter
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from deploy.lab.simulation.nouns import SIMULATED
from deploy.lab.simulation.seed import LIVEOPS, describe, simulate

app = typer.Typer()


@app.command()
def simulate_command(
    seeds: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many seeds.")] = 200,
    start: Annotated[int, typer.Option(min=0, help="The first of them.")] = 0,
    seed: Annotated[int | None, typer.Option(min=0, help="Only this one.")] = None,
    noun: Annotated[str, typer.Option(help=f"One of {', '.join(SIMULATED)}.")] = LIVEOPS,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Play seeds of the write path with crashes, zombies, lost answers and lost stores, and check promises.

    The same seed is the same history. Exit code 1 where a promise did not hold; each such seed has a line.
    """
    if noun not in SIMULATED:
        raise typer.BadParameter(f"{noun!r} is none of {', '.join(SIMULATED)}", param_hint="--noun")
    console = Console(highlight=False, soft_wrap=True, stderr=as_json)
    logging.disable(logging.CRITICAL)  # what is killed on purpose complains
    wanted = range(start, start + seeds) if seed is None else range(seed, seed + 1)
    begun = time.perf_counter()
    failed: list[str] = []
    faults: Counter[str] = Counter()
    simulated_seconds, commands = 0.0, 0
    columns = (TextColumn("seeds"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("seeds", total=len(wanted))
        for number in wanted:
            result = simulate(number, noun=noun)
            if result.problems:
                failed.append(describe(result))
                progress.console.print(failed[-1], markup=False)
            faults.update(result.faults)
            simulated_seconds += result.simulated_seconds
            commands += result.commands
            progress.advance(task)
    took = time.perf_counter() - begun
    figures = {
        "noun": noun,
        "seeds": len(wanted),
        "failed": failed,
        "commands": commands,
        "faults": dict(faults.most_common()),
        "seeds_a_second": round(len(wanted) / took, 2),
        "simulated_hours_a_minute": round(simulated_seconds / 3600 / (took / 60), 2),
    }
    if as_json:
        print(msgspec.json.encode(figures).decode())
    else:
        for name, value in figures.items():
            console.print(f"{name.replace('_', ' ')}: {value}", markup=False)
    raise typer.Exit(1 if failed else 0)
