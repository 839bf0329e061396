"""What is around the data of every answer of S2, and its error body, as structs.

Source: the S2 reference. Names are camelCase on the wire.
"""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from schemas.playtests.refusals import Reason
from schemas.playtests.resources import Shape, Time

DataT = TypeVar("DataT")
RequestId = Annotated[str, Meta(pattern="^req_[0-9a-f]{12}$")]


class About(Shape, frozen=True, kw_only=True):
    """The answer's id and time."""

    request_id: RequestId
    timestamp: Time


class ListAbout(About, frozen=True, kw_only=True):
    """A page's id and time. `cursor` asks for the next page; a page without rows has none."""

    has_more: bool
    cursor: str | UnsetType = UNSET


class Answered(msgspec.Struct, Generic[DataT], frozen=True, kw_only=True):
    """An answer."""

    data: DataT
    meta: About


class Listed(msgspec.Struct, Generic[DataT], frozen=True, kw_only=True):
    """A page of a list."""

    data: DataT
    meta: ListAbout


class FieldProblem(Shape, frozen=True, kw_only=True):
    """What is wrong with one field."""

    field: str
    message: str


class ErrorDetail(Shape, frozen=True, kw_only=True):
    """A refusal. Which fields beside the first two are there follows from `code`."""

    code: str
    message: str
    required_scope: str | UnsetType = UNSET
    reason: Reason | UnsetType = UNSET
    balance_cents: int | UnsetType = UNSET
    required_cents: int | UnsetType = UNSET
    details: list[FieldProblem] | UnsetType = UNSET
    retry_after_ms: int | UnsetType = UNSET


class ErrorResponse(Shape, frozen=True, kw_only=True):
    """S2's error body."""

    error: ErrorDetail
    meta: About


class Message(Shape, frozen=True, kw_only=True):
    """What was done."""

    message: str
