"""What commands that measure the running stack of a home have in common."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from deploy.lab.bench.load import OrderRefusedError
from deploy.lab.bench.processes import NoStackError

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console


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
