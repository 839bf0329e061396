r"""Startup arguments: POSIX words without a shell. Pure.

Words are split as `sh` splits them: blanks between words, single quotes keep all, double quotes keep blanks
(in them a backslash escapes a quote, `\`, `$` and a backquote), elsewhere a backslash escapes any character.
`${NAME}` outside single quotes is the process's variable with its blanks, empty where there is none; nothing
else is expanded: no `$NAME`, no commands, no patterns, no comments.
Source: contract/fleet.md, "Start"; POSIX, Shell Command Language 2.2 and 2.6.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_REFERENCE: Final = r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}"
_TOKEN: Final = re.compile(
    r"(?P<blank>[ \t\r\n]+)"
    r"|'(?P<single>[^']*)'"
    r'|"(?P<double>(?:[^"\\]|\\.)*)"'
    rf"|(?P<reference>{_REFERENCE})"
    r"|\\(?P<escaped>.)"
    r"""|(?P<plain>[^ \t\r\n'"\\$]+|\$)""",
    re.DOTALL,
)
_IN_QUOTES: Final = re.compile(rf"{_REFERENCE}|\\([\"\\$`\n])", re.DOTALL)
_NONE: Final[Mapping[str, str]] = {}


class Unbalanced(ValueError):
    """A quote that nothing closes, or a backslash at the end."""


def words(text: str, variables: Mapping[str, str] = _NONE) -> list[str]:
    """The words of a command line. Raises Unbalanced."""
    found: list[str] = []
    word: str | None = None
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise Unbalanced(_UNBALANCED[text[position]])
        position = token.end()
        if token.lastgroup == "blank":
            if word is not None:
                found.append(word)
            word = None
        else:
            word = (word or "") + _value(token, variables)
    return found if word is None else [*found, word]


_UNBALANCED: Final = {
    "'": "a single quote is not closed",
    '"': "a double quote is not closed",
    "\\": "a backslash at the end escapes nothing",
}


def _value(token: re.Match[str], variables: Mapping[str, str]) -> str:
    match token.lastgroup:
        case "double":
            return _IN_QUOTES.sub(lambda found: _unquoted(found, variables), token["double"])
        case "reference":
            return variables.get(token["reference"][2:-1], "")
        case "escaped":
            return "" if token["escaped"] == "\n" else token["escaped"]
        case kind:
            return token[kind or "plain"]


def _unquoted(found: re.Match[str], variables: Mapping[str, str]) -> str:
    if found[1] is not None:
        return variables.get(found[1], "")
    return "" if found[2] == "\n" else found[2]
