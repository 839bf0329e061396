"""Score formulas: CEL over metric names, where every number is a double.

Source: the live-ops contract. CEL does not mix integers and doubles, so integer literals are refused with a
hint when the definition is applied, not found out by a player's first progress call.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Final

# The package imports its interactive shell, which takes a quarter of the time that a process needs to start.
sys.modules.setdefault("cel.cli", ModuleType("cel.cli"))

import cel  # noqa: E402 - after what it must not import

FORMULA_LENGTH_MAX: Final = 500

_NUMBER: Final = re.compile(
    r"(?<![A-Za-z0-9_.])(?:0[xX][0-9A-Fa-f]+[uU]?|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[uU]?|\.\d+)"
)
_DOUBLE: Final = re.compile(r"\d*\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+")
_REFUSED: Final = re.compile(r"[\[\]{}\"'`;@#$\\]")

METRIC_PATTERN: Final = r"^[A-Za-z_][A-Za-z0-9_]{0,63}\Z"

RESERVED_NAMES: Final = frozenset(
    (
        "as",
        "break",
        "const",
        "continue",
        "else",
        "false",
        "for",
        "function",
        "if",
        "import",
        "in",
        "let",
        "loop",
        "namespace",
        "null",
        "package",
        "return",
        "true",
        "var",
        "void",
        "while",
        "double",
        "int",
        "uint",
        "string",
        "bytes",
        "bool",
        "type",
        "size",
        "has",
        "all",
        "exists",
        "map",
        "filter",
    )
)
"""Words CEL keeps for itself: no metric may be called like one."""


def formula_problem(formula: str, metrics: Iterable[str]) -> str | None:
    """Why a formula can't be used with these metrics, with a hint; None when it can. Pure."""
    names = sorted(metrics)
    if not formula.strip() or len(formula) > FORMULA_LENGTH_MAX:
        return f"a formula has 1 to {FORMULA_LENGTH_MAX} characters"
    refused = _REFUSED.search(formula)
    if refused:
        return f"`{refused.group()}` has no place in a formula: it is arithmetic over metrics"
    for literal in _NUMBER.findall(formula):
        if not _DOUBLE.fullmatch(literal):
            hint = f"{literal}.0" if literal.isdecimal() else "a decimal number such as 100.0"
            return (
                f"integer literal {literal}: metrics are doubles and CEL mixes no integers in; write {hint}"
            )
    try:
        program = cel.compile(formula)
        used = set(program.variables())
    except Exception as error:  # noqa: BLE001 - the parser's own panics included: a formula never stops a process
        return f"is not CEL: {_first_line(error)}"
    unknown = sorted(used - set(names))
    if unknown:
        return f"unknown metric {unknown[0]}; declared are {', '.join(names) or 'none'}"
    return _evaluation_problem(program, names)


def _evaluation_problem(program: cel.Program, names: list[str]) -> str | None:
    """Try a few points: each must give a double, at least one a finite one (0/0 at the start may be fine)."""
    finite = False
    for point in range(4):
        values = {name: float((point * (index + 1)) % 5) for index, name in enumerate(names)}
        try:
            score = program.execute(values)
        except Exception as error:  # noqa: BLE001 - any failure of the evaluator is the formula's
            return f"can't be evaluated: {_first_line(error)}"
        if not isinstance(score, float):
            return f"gives {type(score).__name__}, not a number: use a condition such as `a > 1.0 ? a : 0.0`"
        finite = finite or math.isfinite(score)
    return None if finite else "is never finite"


def _first_line(error: BaseException) -> str:
    reason = str(error).rpartition("ERROR: ")[2]
    return reason.split("\n", 1)[0].split(" expecting", 1)[0].split(". CEL ", 1)[0][:200]
