"""Query parameters read as the reference's validator (zod 3) reads them, and refused in its words.

One declaration serves the check and the OpenAPI document. Issues are the list that `issues` holds in a 400.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Issue: TypeAlias = dict[str, Any]

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_INTEGER_MAX: Final = 2**62
"""Larger numbers mean the same: later than any time, beyond any page."""


class Invalid(Exception):
    """Parameters that can't be read; `issues` says which and why."""

    def __init__(self, issues: list[Issue]) -> None:
        super().__init__(issues)
        self.issues = issues


class Text(msgspec.Struct, frozen=True):
    """A string of `minimum` to `maximum` UTF-16 units that matches `pattern` where there is one."""

    minimum: int = 0
    maximum: int | None = None
    pattern: str | None = None

    def read(self, name: str, value: str) -> tuple[str | None, list[Issue]]:
        """The value, None where it is empty and may be; and what is wrong with it."""
        length = len(value.encode("utf-16-le", "surrogatepass")) // 2
        issues: list[Issue] = []
        if length < self.minimum:
            issues.append(
                _too_small("string", self.minimum, f"contain at least {self.minimum} character(s)", name)
            )
        if self.maximum is not None and length > self.maximum:
            issues.append(
                _too_big("string", self.maximum, f"contain at most {self.maximum} character(s)", name)
            )
        if self.pattern is not None and not re.fullmatch(self.pattern, value, re.ASCII):
            issues.append(
                {"validation": "regex", "code": "invalid_string", "message": "Invalid", "path": [name]}
            )
        return value or None, issues

    def schema(self) -> dict[str, Any]:
        """As JSON Schema."""
        schema: dict[str, Any] = {"type": "string"}
        if self.minimum:
            schema["minLength"] = self.minimum
        if self.maximum is not None:
            schema["maxLength"] = self.maximum
        if self.pattern is not None:
            schema["pattern"] = f"^{self.pattern}$"
        return schema


class Choice(msgspec.Struct, frozen=True):
    """One of these words."""

    options: tuple[str, ...]

    def read(self, name: str, value: str) -> tuple[str | None, list[Issue]]:
        """The value, and what is wrong with it."""
        if value in self.options:
            return value, []
        expected = " | ".join(f"'{option}'" for option in self.options)
        return None, [
            {
                "received": value,
                "code": "invalid_enum_value",
                "options": list(self.options),
                "path": [name],
                "message": f"Invalid enum value. Expected {expected}, received '{value}'",
            }
        ]

    def schema(self) -> dict[str, Any]:
        """As JSON Schema."""
        return {"type": "string", "enum": list(self.options)}


class Integer(msgspec.Struct, frozen=True):
    """A whole number not below `minimum`. Above `clamp` it is silently taken for `clamp`."""

    minimum: int
    clamp: int | None = None

    def read(self, name: str, value: str) -> tuple[int | None, list[Issue]]:
        """The value, and what is wrong with it. "1e2" is 100, as `Number()` reads it; "" is no number."""
        if not _NUMBER.fullmatch(value):
            return None, [_wrong_type(name, "number", "nan")]
        number = float(value)
        if not number.is_integer():  # infinity is not one either
            if number in {float("inf"), float("-inf")}:
                number = _INTEGER_MAX if number > 0 else -_INTEGER_MAX
            else:
                return None, [_wrong_type(name, "integer", "float")]
        if number < self.minimum:
            return None, [
                _too_small("number", self.minimum, f"be greater than or equal to {self.minimum}", name)
            ]
        whole = int(value) if re.fullmatch(r"[+-]?[0-9]{1,18}", value) else int(min(number, _INTEGER_MAX))
        return (min(whole, self.clamp) if self.clamp is not None else whole), []

    def schema(self) -> dict[str, Any]:
        """As JSON Schema. The clamp is no maximum: larger values are accepted."""
        return {"type": "integer", "minimum": self.minimum}


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One query parameter. `default` is what is used where it is absent."""

    name: str
    kind: Text | Choice | Integer
    description: str
    example: str | int
    default: str | int | None = None

    def document(self) -> dict[str, Any]:
        """As an OpenAPI parameter object."""
        schema = self.kind.schema() | ({} if self.default is None else {"default": self.default})
        return {
            "name": self.name,
            "in": "query",
            "required": False,
            "description": self.description,
            "schema": schema,
            "example": self.example,
        }


def read(parameters: Sequence[Parameter], query: Mapping[str, str]) -> dict[str, Any]:
    """Every declared parameter's value, None where absent without a default. Others are ignored.

    Where `from` and `to` are both there, from <= to must hold. Raises Invalid.
    """
    values: dict[str, Any] = {}
    issues: list[Issue] = []
    for parameter in parameters:
        raw = query.get(parameter.name)
        if raw is None:
            values[parameter.name] = parameter.default
            continue
        values[parameter.name], found = parameter.kind.read(parameter.name, raw)
        issues += found
    since, until = values.get("from"), values.get("to")
    if not issues and since is not None and until is not None and since > until:
        issues.append({"code": "custom", "message": "from must be <= to", "path": ["from"]})
    if issues:
        raise Invalid(issues)
    return values


def _wrong_type(name: str, expected: str, received: str) -> Issue:
    return {
        "code": "invalid_type",
        "expected": expected,
        "received": received,
        "path": [name],
        "message": f"Expected {expected}, received {received}",
    }


def _too_small(kind: str, minimum: int, rule: str, name: str) -> Issue:
    return {
        "code": "too_small",
        "minimum": minimum,
        "type": kind,
        "inclusive": True,
        "exact": False,
        "message": f"{kind.capitalize()} must {rule}",
        "path": [name],
    }


def _too_big(kind: str, maximum: int, rule: str, name: str) -> Issue:
    return {
        "code": "too_big",
        "maximum": maximum,
        "type": kind,
        "inclusive": True,
        "exact": False,
        "message": f"{kind.capitalize()} must {rule}",
        "path": [name],
    }
