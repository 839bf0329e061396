"""Tables that are whole on 80 columns: few columns, many rows, and nothing is ever cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

FIGURES_MAX: Final = 6
"""Columns of figures side by side; what is beyond goes into a further table."""


def table(*columns: str, title: str | None = None, words: int = 1) -> Table:
    """A table without lines. The first `words` columns are texts, the others figures.

    What is too long for a narrow screen goes on in its cell's next line.
    """
    made = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        made.add_column(column, justify="left" if number < words else "right", overflow="fold")
    return made


def figures(
    columns: Sequence[str], rows: Mapping[str, Sequence[str]], *, title: str | None = None
) -> list[Table]:
    """Rows by their names; a row has one figure for each of `columns`."""
    made = []
    for begin in range(0, len(columns), FIGURES_MAX):
        some = slice(begin, begin + FIGURES_MAX)
        one = table("", *columns[some], title=title)
        for name, cells in rows.items():
            one.add_row(name, *cells[some])
        made.append(one)
    return made


def show(console: Console, *tables: Table) -> None:
    """Print each, on a console that leaves long lines to the terminal too: that would cut columns off."""
    for one in tables:
        console.print(one, soft_wrap=False)
