"""Why a text is no YAML, in the terms of a person who writes it: indentation, tabs, quotes, brackets."""

from __future__ import annotations

from typing import Final

import yaml

_NOT_CLOSED: Final = {
    "did not find expected ',' or ']'": "`[`",
    "did not find expected ',' or '}'": "`{`",
    "found unexpected end of stream": "quotation mark",
}
_NO_MAPPING: Final = "mapping values are not allowed"
_NO_LIST: Final = "block sequence entries are not allowed"
_NO_TOKEN: Final = "found character that cannot start any token"  # noqa: S105 - YAML's token
_OTHER_INDENTATION: Final = ("did not find expected key", "did not find expected '-' indicator")


def explained(text: str, error: yaml.YAMLError) -> tuple[int, str]:
    """The line (from 1) that has to change, and what is wrong there; libyaml's words where no others fit."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", None) or error)
    if mark is None:
        return 1, problem
    lines = text.splitlines() or [""]
    here = min(mark.line, len(lines) - 1)
    begun = getattr(error, "context_mark", None)
    begins = here if begun is None else min(begun.line, len(lines) - 1)
    return _explained(lines, here, mark.column, begins, problem)


def _explained(lines: list[str], here: int, column: int, begins: int, problem: str) -> tuple[int, str]:
    line = lines[here]
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return here + 1, "a tab indents this line: YAML is indented by spaces alone"
    if problem in _NOT_CLOSED:
        return begins + 1, f"the {_NOT_CLOSED[problem]} that begins here is not closed"
    if problem == _NO_TOKEN and column < len(line):
        return here + 1, f"`{line[column]}` can't begin a value: put the value in quotation marks"
    if problem in _OTHER_INDENTATION:
        return here + 1, (
            f"is indented by {_counted(line)}, which fits nothing above it: what belongs together is"
            f" indented alike (line {begins + 1} by {_counted(lines[begins])})"
        )
    return here + 1, _misplaced(lines, here, problem)


def _misplaced(lines: list[str], here: int, problem: str) -> str:
    if problem.startswith(_NO_LIST):
        return "a list's `- ` begins a line of its own, below its key"
    if not problem.startswith(_NO_MAPPING):
        return problem
    before = next((line for line in reversed(lines[:here]) if line.strip()), "")
    if _spaces(lines[here]) > _spaces(before) and ": " in before:
        return (
            f"is indented deeper ({_counted(lines[here])}) than the line before it"
            f" ({_counted(before)}), which has a value already: indent fields of one thing alike"
        )
    if lines[here].count(": ") > 1:
        return "has a second `: `: put text that holds one in quotation marks"
    return "a field can't begin here: the line before it is no `key:`, or lacks its `:`"


def _spaces(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _counted(line: str) -> str:
    count = _spaces(line)
    return "1 space" if count == 1 else f"{count} spaces"
