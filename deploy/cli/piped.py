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
    text = "\n".join(lines) if sys.stdout.isatty() else rows_text(columns, rows)
    if text:
        print(text)
