"""The line of a text that says best why a search found it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

CHARACTERS_MAX: Final = 160
_BEFORE: Final = 40
"""About as many characters stand before the first word that was asked for."""
_WORD: Final = re.compile(r"\w+")
_NO_TEXT: Final = re.compile(r"^(```.*|[|\s:-]*)$")
_MARKS: Final = re.compile(r"^[#>*\s|-]+|\*\*|`|\[(?=[^\]]*\]\()|\]\([^)]*\)|\s*\|\s*$")

Line = tuple[tuple[str, bool], ...]
"""Pieces in order, each with whether it is a word that was asked for."""


def line_of(text: str, stems: Collection[str]) -> Line:
    """The first of the lines with the most of the words that begin with `stems`, without Markdown's marks.

    A long one is cut around the first of them. Empty where the text is.
    """
    lines = [_MARKS.sub("", line) for line in text.splitlines() if not _NO_TEXT.match(line)]
    best = max(lines, key=lambda line: len(_held(line, stems)), default="")
    return _pieces(_cut(best.strip(), stems), stems)


def _held(line: str, stems: Collection[str]) -> set[str]:
    words = [word.lower() for word in _WORD.findall(line)]
    return {stem for stem in stems if any(word.startswith(stem) for word in words)}


def _cut(line: str, stems: Collection[str]) -> str:
    if len(line) <= CHARACTERS_MAX:
        return line
    places = [found.start() for found in _WORD.finditer(line) if _is_asked(found[0], stems)]
    begin = max(0, min(places[0] - _BEFORE if places else 0, len(line) - CHARACTERS_MAX))
    begin = line.rfind(" ", 0, begin + 1) + 1
    end = begin + CHARACTERS_MAX
    if end < len(line):
        end = max(line.rfind(" ", begin, end), begin + CHARACTERS_MAX // 2)
    return ("… " if begin else "") + line[begin:end] + (" …" if end < len(line) else "")


def _pieces(line: str, stems: Collection[str]) -> Line:
    made: list[tuple[str, bool]] = []
    at = 0
    for found in _WORD.finditer(line):
        if _is_asked(found[0], stems):
            made += [(line[at : found.start()], False), (found[0], True)]
            at = found.end()
    made.append((line[at:], False))
    return tuple(piece for piece in made if piece[0])


def _is_asked(word: str, stems: Collection[str]) -> bool:
    return any(word.lower().startswith(stem) for stem in stems)
