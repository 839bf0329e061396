"""Lists for people and for programs: whole lines on a terminal, tab-separated rows where they are piped."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Final

_UNTABBED: Final = str.maketrans("\t\r\n", "   ")


def rows_text(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A line of names, then one for each row: a value for each column, tabs and line ends in it as spaces."""
    lines = [columns, *rows]
    return "\n".join("\t".join(cell.translate(_UNTABBED) for cell in line) for line in lines)


def say(columns: Sequence[str], rows: Iterable[Sequence[str]], lines: Iterable[str]) -> None:
    """Print `lines` on a terminal, else `rows` under their names."""
    say_tables(((columns, rows),), lines)


def say_tables(tables: Iterable[tuple[Sequence[str], Iterable[Sequence[str]]]], lines: Iterable[str]) -> None:
    """As `say`, of several tables: an empty line stands between two of them."""
    if sys.stdout.isatty():
        text = "\n".join(lines)
    else:
        text = "\n\n".join(rows_text(columns, rows) for columns, rows in tables)
    if text:
        print(text)
