"""S1's errors: what a validator of the reference (zod 3) says of a body or a query, as one shape. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

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
    retry_after_ms: int | UnsetType = UNSET
    scope: Literal["ip", "key"] | UnsetType = UNSET


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
