"""What commands that measure the running stack of a home have in common."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import typer

from deploy.cli import running_stack
from deploy.lab.bench.load import OrderRefusedError
from deploy.lab.bench.processes import NoStackError
from projections.clickhouse.client import ClickHouse

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from deploy.lab.bench.relay import Relay


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


@asynccontextmanager
async def facts_of(home: Path, relay: Relay) -> AsyncIterator[ClickHouse]:
    """The database of facts of a home's running stack."""
    clickhouse = ClickHouse(relay.clickhouse_url, running_stack.of_home(home).clickhouse_database)
    try:
        yield clickhouse
    finally:
        await clickhouse.close()
