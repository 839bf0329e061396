"""The tokens of a ClickHouse statement: its clauses are found without looking into texts and names."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

import msgspec

_PATTERN: Final = re.compile(
    r"(?P<space>\s+|--[^\n]*|/\*.*?\*/)"
    r"|(?P<text>'(?:[^'\\]|\\.|'')*')"
    r'|(?P<quoted>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")'
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<number>\d[\w.]*)"
    r"|(?P<symbol>.)",
    re.DOTALL,
)
_DEPTH: Final = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


class Kind(Enum):
    """What a token is."""

    TEXT = "text"
    QUOTED = "quoted"
    """A name in backticks or double quotes."""
    WORD = "word"
    NUMBER = "number"
    SYMBOL = "symbol"


class Token(msgspec.Struct, frozen=True):
    """`start` and `end` are where it is in the statement; `depth` counts the brackets around it.

    A bracket itself has the depth of what is outside of it.
    """

    kind: Kind
    text: str
    start: int
    end: int
    depth: int

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these keywords, which are given in capitals, outside of all brackets."""
        return self.kind is Kind.WORD and self.depth == 0 and self.text.upper() in words


class SqlUnreadable(ValueError):
    """A statement whose texts or brackets do not end, or that is none that is known; says why."""


def tokens(statement: str) -> tuple[Token, ...]:
    """All tokens, without spaces and comments. Raises SqlUnreadable."""
    found, depth = [], 0
    for match in _PATTERN.finditer(statement):
        group = str(match.lastgroup)
        if group == "space":
            continue
        text = match[0]
        if group == "symbol" and text in "'\"`":
            raise SqlUnreadable(f"a text or a name that begins with {text} does not end")
        change = _DEPTH.get(text, 0) if group == "symbol" else 0
        depth += min(change, 0)
        if depth < 0:
            raise SqlUnreadable(f"there is a {text} too many")
        found.append(Token(Kind(group), text, match.start(), match.end(), depth))
        depth += max(change, 0)
    if depth:
        raise SqlUnreadable("a bracket is not closed")
    return tuple(found)
