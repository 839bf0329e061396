"""`questlog status`: what runs on a home, with its state and lag."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer
from rich.console import Console

from deploy.cli.piped import rows_text
from deploy.cli.running_stack import of_home
from deploy.cli.tables import show, table
from deploy.failure_policy import advice
from deploy.redis_server import open_redis
from deploy.stack.program import ask_health
from deploy.stack.supervisor import STATUS_FILE
from projections.redis.failures import RedisFailures
from schemas.edge.ports import StoreUnavailable

if TYPE_CHECKING:
    from rich.table import Table

    from schemas.failures import Failing

app = typer.Typer()
COLUMNS: Final = ("part", "state", "pid", "lag", "restarts", "admin port")


@app.command()
def status_command(
    home: Annotated[Path, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")] = Path(".questlog"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,  # noqa: FBT002 - a typer flag
) -> None:
    """One line for each part. Exit code 0 where all are ready, 1 where some are not, 3 where nothing runs.

    Records at which a reader fails again and again are named, with what to do about each; then it is 1 too.

    Piped: tab-separated rows, and what fails on standard error.
    """
    parts = asyncio.run(read_status(home))
    failing = asyncio.run(read_failing(home)) if parts else []
    if as_json:
        shown = ("name", "pid", "state", "lag")
        said: dict[str, Any] = {"parts": [{key: part[key] for key in shown} for part in parts]}
        if parts:
            said["failing"] = msgspec.to_builtins(failing)
        print(json.dumps(said))
    elif not parts:
        print(f"nothing runs on {home}", file=sys.stdout if sys.stdout.isatty() else sys.stderr)
    else:
        _tell(parts, failing)
    if not parts:
        raise typer.Exit(3)
    if failing or any(part["state"] != "ready" for part in parts):
        raise typer.Exit(1)


def parts_table(parts: list[dict[str, Any]]) -> Table:
    """A row for each part."""
    made = table(*COLUMNS, words=2)
    for part in parts:
        made.add_row(*part_cells(part))
    return made


def part_cells(part: dict[str, Any]) -> list[str]:
    """A part as a row of `COLUMNS`; empty is what it does not have, or what is not known."""
    figures = (part["pid"] or "", part["lag"], part["restarts"] or "", part["admin_port"] or "")
    return [part["name"], part["state"], *("" if one is None else str(one) for one in figures)]


def _tell(parts: list[dict[str, Any]], failing: list[Failing]) -> None:
    """A table and what belongs to it; piped only the rows, and what fails goes to standard error."""
    if sys.stdout.isatty():
        show(Console(highlight=False), parts_table(parts))
        print("health and metrics of each: http://127.0.0.1:<admin port>/healthz and /metrics")
    else:
        print(rows_text(COLUMNS, map(part_cells, parts)))
    for entry in failing:
        text = f"POISON: {entry.role} fails at {entry.place} ({entry.failures} times): {entry.error}"
        print(f"{text}\n  {advice(entry)}", file=sys.stdout if sys.stdout.isatty() else sys.stderr)


async def read_status(home: Path) -> list[dict[str, Any]]:
    """The parts as the supervisor knows them, with their lag asked now; empty where no supervisor runs."""
    try:
        status = json.loads((home / STATUS_FILE).read_bytes())
        os.kill(status["pid"], 0)
    except (FileNotFoundError, ProcessLookupError):
        return []
    parts: list[dict[str, Any]] = status["parts"]
    asked = [part for part in parts if part["admin_port"] and part["state"] == "ready"]
    for part, answer in zip(
        asked, await asyncio.gather(*(ask_health(p["admin_port"]) for p in asked)), strict=True
    ):
        part["lag"] = answer.get("lag")
    return parts


async def read_failing(home: Path) -> list[Failing]:
    """Where readers fail again and again; empty where the store that knows it does not answer."""
    redis = open_redis(of_home(home), timeout_s=1.0, connections=1, retries=0)
    try:
        return [entry for entry in await RedisFailures(redis).all() if entry.poison]
    except StoreUnavailable:
        return []
    finally:
        await redis.aclose()
