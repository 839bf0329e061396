"""Query parameters read as the validator of S1 and S5 (zod 3) reads them, and refused in its words. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from schemas.edge.parameters import Boolean, Choice, Integer, Parameter, Text
from schemas.edge.zod import (
    Issue,
    custom,
    no_match,
    not_an_option,
    required,
    too_big,
    too_small,
    wrong_type,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_INTEGER_MAX: Final = 2**62
"""Larger numbers mean the same: later than any time, beyond any page."""


class Invalid(Exception):
    """Parameters that can't be read; `issues` says which and why."""

    def __init__(self, issues: list[Issue]) -> None:
        super().__init__(issues)
        self.issues = issues


def read(parameters: Sequence[Parameter], query: Mapping[str, str]) -> dict[str, Any]:
    """Every declared parameter's value, None where it may be absent and has no default. Others are ignored.

    Where `from` and `to` are both there, from <= to must hold. Raises Invalid.
    """
    values: dict[str, Any] = {}
    issues: list[Issue] = []
    for parameter in parameters:
        name, raw = parameter.name, query.get(parameter.name)
        if raw is None and parameter.required:
            issues.append(required([name], "string"))
            continue
        if raw is None:
            values[name] = parameter.default
            continue
        found = _value(parameter, raw)
        if isinstance(found, list):
            issues += found
        else:
            values[name] = found
    since, until = values.get("from"), values.get("to")
    if not issues and since is not None and until is not None and since > until:
        issues.append(custom(["from"], "from must be <= to"))
    if issues:
        raise Invalid(issues)
    return values


def _value(parameter: Parameter, text: str) -> str | int | bool | list[Issue] | None:
    """The value, None where it is empty and may be; or what is wrong with it."""
    name, kind = parameter.name, parameter.kind
    match kind:
        case Text():
            return _text(kind, name, text) or text or None
        case Choice():
            return text if text in kind.options else [not_an_option([name], kind.options, text)]
        case Integer():
            return _integer(kind, name, text)
        case Boolean():
            options = ("true", "false")
            return text == "true" if text in options else [not_an_option([name], options, text)]


def _text(kind: Text, name: str, value: str) -> list[Issue]:
    """A length is counted in characters, as in bodies and in OpenAPI's `maxLength`: an emoji is one."""
    length = len(value)
    issues = []
    if length < kind.minimum:
        rule = f"contain at least {kind.minimum} character(s)"
        issues.append(too_small([name], "string", kind.minimum, rule))
    if kind.maximum is not None and length > kind.maximum:
        rule = f"contain at most {kind.maximum} character(s)"
        issues.append(too_big([name], "string", kind.maximum, rule))
    if kind.pattern is not None and not re.fullmatch(kind.pattern, value, re.ASCII):
        issues.append(no_match([name]))
    return issues


def _integer(kind: Integer, name: str, value: str) -> int | list[Issue]:
    """As `Number()` reads it: "1e2" is 100, "" is no number."""
    if not _NUMBER.fullmatch(value):
        return [wrong_type([name], "number", "nan")]
    number = float(value)
    if not number.is_integer():  # infinity is not one either
        if number in {float("inf"), float("-inf")}:
            number = _INTEGER_MAX if number > 0 else -_INTEGER_MAX
        else:
            return [wrong_type([name], "integer", "float")]
    if number < kind.minimum:
        return [too_small([name], "number", kind.minimum, f"be greater than or equal to {kind.minimum}")]
    whole = int(value) if re.fullmatch(r"[+-]?[0-9]{1,18}", value) else int(min(number, _INTEGER_MAX))
    if kind.maximum is not None and whole > kind.maximum:
        return [too_big([name], "number", kind.maximum, f"be less than or equal to {kind.maximum}")]
    return min(whole, kind.clamp) if kind.clamp is not None else whole
