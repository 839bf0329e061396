"""S1's errors: what a validator of the reference (zod 3) says of a body or a query, as one shape. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Path = Sequence[str | int]


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one field. Which fields beside the first three are there follows from `code`."""

    code: str
    path: list[str | int]
    message: str
    expected: str | UnsetType = UNSET
    received: str | UnsetType = UNSET
    minimum: int | UnsetType = UNSET
    maximum: int | UnsetType = UNSET
    type: str | UnsetType = UNSET
    inclusive: bool | UnsetType = UNSET
    exact: bool | UnsetType = UNSET
    validation: str | UnsetType = UNSET
    options: list[str] | UnsetType = UNSET


class Error(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """S1's error body."""

    error: str
    issues: list[Issue] | UnsetType = UNSET
    required_scope: Literal["management", "ingest"] | UnsetType = UNSET
    retry_after_ms: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    scope: Literal["ip", "key"] | UnsetType = UNSET
    ok: Literal[False] | UnsetType = UNSET
    requires_premium: Literal[True] | UnsetType = UNSET


def custom(path: Path, message: str) -> Issue:
    """A rule of ours."""
    return Issue(code="custom", path=[*path], message=message)


def wrong_type(path: Path, expected: str, received: str) -> Issue:
    """A value of another type."""
    message = f"Expected {expected}, received {received}"
    return Issue(code="invalid_type", path=[*path], message=message, expected=expected, received=received)


def required(path: Path, expected: str | UnsetType = UNSET) -> Issue:
    """A field that is missing."""
    return Issue(
        code="invalid_type", path=[*path], message="Required", expected=expected, received="undefined"
    )


def too_small(path: Path, kind: str, minimum: int, rule: str) -> Issue:
    """Fewer, shorter or lower than `minimum`: "Number must be greater than or equal to 1"."""
    return Issue(
        code="too_small",
        path=[*path],
        message=f"{kind.capitalize()} must {rule}",
        minimum=minimum,
        type=kind,
        inclusive=True,
        exact=False,
    )


def too_big(path: Path, kind: str, maximum: int, rule: str) -> Issue:
    """More, longer or higher than `maximum`."""
    return Issue(
        code="too_big",
        path=[*path],
        message=f"{kind.capitalize()} must {rule}",
        maximum=maximum,
        type=kind,
        inclusive=True,
        exact=False,
    )


def not_an_option(path: Path, options: Sequence[str], received: str) -> Issue:
    """A word that is none of the known ones."""
    expected = " | ".join(f"'{option}'" for option in options)
    return Issue(
        code="invalid_enum_value",
        path=[*path],
        message=f"Invalid enum value. Expected {expected}, received '{received}'",
        received=received,
        options=[*options],
    )


def no_match(path: Path) -> Issue:
    """A text that its pattern does not match."""
    return Issue(code="invalid_string", path=[*path], message="Invalid", validation="regex")


_STEP: Final = re.compile(r"\.([^.\[\]`]+)|\[(\d+)\]|\[\.\.\.\]")
_TYPES: Final = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
"""What msgspec's names of types are in zod's words, where they are others."""
_UNITS: Final = {"string": "character(s)", "array": "element(s)", "object": "key(s)"}


def issue_of(error: msgspec.ValidationError, path: Path) -> Issue:
    """What msgspec says of a value below `path`."""
    message, _, where = str(error).partition(" - at `$")
    steps: list[str | int] = [*path]
    for name, index in _STEP.findall(where):
        steps.append(name or (int(index) if index else "*"))
    for pattern, issue in _SAID:
        found = pattern.match(message)
        if found is not None:
            return issue(steps, found)
    return custom(steps, message.replace("`", ""))


def _length(path: Path, found: re.Match[str]) -> Issue:
    kind, limit = _type(found[1]), int(found[3])
    unit = _UNITS.get(kind, "byte(s)")
    if found[2] == ">=":
        return too_small(path, kind, limit, f"contain at least {limit} {unit}")
    return too_big(path, kind, limit, f"contain at most {limit} {unit}")


def _bound(path: Path, found: re.Match[str]) -> Issue:
    limit = int(found[2])
    if found[1] == ">=":
        return too_small(path, "number", limit, f"be greater than or equal to {limit}")
    return too_big(path, "number", limit, f"be less than or equal to {limit}")


def _option(path: Path, found: re.Match[str]) -> Issue:
    return Issue(code="invalid_enum_value", path=[*path], message=found[0], received=found[1])


_SAID: Final[tuple[tuple[re.Pattern[str], Callable[[Path, re.Match[str]], Issue]], ...]] = (
    (re.compile(r".*missing required field `([^`]+)`"), lambda path, found: required([*path, found[1]])),
    (
        re.compile(r"Expected `([^`]+)`, got `([^`]+)`"),
        lambda path, found: wrong_type(path, _type(found[1]), _type(found[2])),
    ),
    (re.compile(r"Expected `(\w+)` of length (>=|<=) (\d+)"), _length),
    (re.compile(r"Expected `(?:int|float)` (>=|<=) (-?\d+)\Z"), _bound),
    (re.compile(r"Expected `str` matching regex"), lambda path, _: no_match(path)),
    (re.compile(r"Invalid enum value '(.*)'", re.DOTALL), _option),
)
"""msgspec's sentences."""


def _type(name: str) -> str:
    """A type or several: "int | null" is "integer", as a field that may be null is of its type."""
    kinds = [_TYPES.get(kind, kind) for kind in name.split(" | ")]
    return " | ".join([kind for kind in kinds if kind != "null"] or kinds)


def type_of(value: object) -> str:
    """The type of a decoded JSON value, in zod's words."""
    if value is None:
        return "null"
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return kinds.get(type(value), "object")
