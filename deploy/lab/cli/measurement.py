"""What commands that measure the running stack of a home have in common."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import typer
from rich.console import Console

from deploy.cli import running_stack
from deploy.lab.bench.load import OrderRefusedError
from deploy.lab.bench.processes import NoStackError
from deploy.lab.bench.relay import Relay, read_relay
from projections.clickhouse.client import ClickHouse

ReportT = TypeVar("ReportT")
Tell = Callable[[str], None]


@contextmanager
def measuring(home: Path, console: Console, *expected: type[Exception]) -> Iterator[None]:
    """Exit code 2, with a line that says why, where the stack of `home` can't be measured.

    `expected` are failures of the block beside those of every measurement.
    """
    known: tuple[type[Exception], ...] = (ValueError, NoStackError, OrderRefusedError, *expected)
    try:
        yield
    except FileNotFoundError:
        console.print(f"there is no {home / 'demo.json'}; start a stack with `questlog up --demo` first")
        raise typer.Exit(2) from None
    except known as error:
        console.print(str(error), markup=False)
        raise typer.Exit(2) from None


def measure_in(
    home: Path | None,
    name: str,
    run: Callable[[Path], Coroutine[Any, Any, ReportT]],
    console: Console,
    *expected: type[Exception],
) -> ReportT:
    """Measure in a folder of its own: in `home`, where it stays, or in a temporary one.

    Exit code 2, with a line that says why, at ValueError and what is `expected`.
    """
    known: tuple[type[Exception], ...] = (ValueError, *expected)
    with ExitStack() as stack:
        if home is None:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"questlog-{name}-")))
        try:
            return asyncio.run(run(home))
        except known as error:
            console.print(str(error), markup=False)
            raise typer.Exit(2) from None


@asynccontextmanager
async def facts_of(home: Path, relay: Relay) -> AsyncIterator[ClickHouse]:
    """The database of facts of a home's running stack."""
    clickhouse = ClickHouse(relay.clickhouse_url, running_stack.of_home(home).clickhouse_database)
    try:
        yield clickhouse
    finally:
        await clickhouse.close()


def measure_facts(
    home: Path,
    measure: Callable[[Relay, ClickHouse, Tell], Awaitable[ReportT]],
    show: Callable[[Console, ReportT], None],
    *,
    as_json: bool,
) -> None:
    """Measure with the demo's game and the database of facts of a home's stack; print what came of it.

    `measure` gets a function for what it says meanwhile. With `as_json` the report is all of the output.
    """
    console = Console(highlight=False, soft_wrap=True, stderr=as_json)

    async def run(relay: Relay) -> ReportT:
        async with facts_of(home, relay) as clickhouse:
            return await measure(relay, clickhouse, lambda line: console.print(line, style="dim"))

    with measuring(home, console, TimeoutError):
        report = asyncio.run(run(read_relay(home)))
    if as_json:
        print(msgspec.json.encode(report).decode())
    else:
        show(console, report)
