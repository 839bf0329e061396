"""Bodies of S3's writes: shapes with their bounds, and errors that name the field. Pure.

Unknown fields are let through. A whole float is an integer where one is asked (`schemas/numbers.py`). A body
may be empty where every field may be missing.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
import orjson
from msgspec import Meta

from schemas.edge.errors import Refused
from schemas.identifiers import IDEMPOTENCY_KEY_CHARACTERS_MAX
from schemas.liveops.resources import Time
from schemas.liveops.views import INT64_MAX
from schemas.numbers import whole_within
from schemas.telemetry.decoding_cost import has_costly_numbers

_COSTLY_FROM_BYTES: Final = 4 * 1024
BODY_BYTES_MAX: Final = 64 * 1024

Amount = Annotated[int, Meta(ge=1, le=INT64_MAX)]
Reason = Annotated[str, Meta(max_length=500)]
KEY_PATTERN: Final = "[!-~]([ -~]*[!-~])?"
IdempotencyKey = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=IDEMPOTENCY_KEY_CHARACTERS_MAX,
        description="Printable ASCII without a space at either end: the same text in a body and in a header.",
        extra_json_schema={"pattern": f"^{KEY_PATTERN}$"},
    ),
]
Metric = Annotated[str, Meta(min_length=1, max_length=64)]


class Body(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base: what every write may carry."""

    idempotency_key: IdempotencyKey | None = None


class NoBody(Body, frozen=True, kw_only=True):
    """Claim, open, register, rotate: nothing but the key."""


class StartBody(Body, frozen=True, kw_only=True):
    """Start."""

    player_context: Annotated[dict[Annotated[str, Meta(max_length=64)], Any], Meta(max_length=64)] | None = (
        None
    )


class ProgressBody(Body, frozen=True, kw_only=True):
    """Progress."""

    mode: Literal["increment", "set"]
    metric_value: float | None = None
    metrics: Annotated[dict[Metric, float], Meta(max_length=32)] | None = None
    occurred_at: Time | None = None


class DebitBody(Body, frozen=True, kw_only=True):
    """Debit and credit."""

    amount: Amount
    reason: Reason | None = None


class ItemBody(Body, frozen=True, kw_only=True):
    """Consume and grant."""

    quantity: Amount
    reason: Reason | None = None


class EntryBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """So many of an item or a currency."""

    type: Literal["item", "currency"]
    key: Annotated[str, Meta(min_length=1, max_length=64)]
    quantity: Annotated[int, Meta(ge=1, le=10**15)]


class RowBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One line of a crate's table."""

    weight: Annotated[float, Meta(gt=0, le=1e9)]
    entries: Annotated[list[EntryBody], Meta(min_length=1, max_length=50)]


class CrateBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A crate."""

    table: Annotated[list[RowBody], Meta(min_length=1, max_length=200)]


class GrantBody(Body, frozen=True, kw_only=True):
    """A server's grant: entries, or a crate."""

    entries: Annotated[list[EntryBody], Meta(min_length=1, max_length=50)] | None = None
    crate: CrateBody | None = None
    expires_at: Time | None = None


BodyT = TypeVar("BodyT", bound=Body)
_decoders: Final[dict[type[Body], msgspec.json.Decoder[Any]]] = {
    kind: msgspec.json.Decoder(kind)
    for kind in (NoBody, StartBody, ProgressBody, DebitBody, ItemBody, GrantBody)
}
_WITH_INTEGERS: Final = frozenset({DebitBody, ItemBody, GrantBody})
"""Bodies that ask for integers; none of them has a free-form value, whose floats must stay as they are."""
_INTEGERS_DEPTH: Final = 6
"""`crate.table[…].entries[…].quantity` is the deepest."""
_PLACE: Final = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`\Z")
_MISSING: Final = re.compile(r"missing required field `([^`]+)`")


def read_as(kind: type[BodyT], data: bytes) -> BodyT:
    """The body as its shape. Raises `Refused` (400) naming the field."""
    try:
        try:
            body: BodyT
            if has_costly_numbers(data, from_bytes=_COSTLY_FROM_BYTES):
                body = msgspec.convert(orjson.loads(data), kind)
            else:
                body = _decoders[kind].decode(data or b"{}")
        except msgspec.ValidationError:
            if kind not in _WITH_INTEGERS:
                raise
            body = msgspec.convert(whole_within(orjson.loads(data), _INTEGERS_DEPTH), kind)
    except msgspec.ValidationError as error:
        message, field = _said(str(error))
        raise _invalid(message, field) from None
    except (msgspec.DecodeError, orjson.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _invalid(f"the body is not JSON: {error}", "") from None
    if isinstance(body, StartBody):
        _check_context(body.player_context)
    return body


def _said(text: str) -> tuple[str, str]:
    place = _PLACE.search(text)
    message = text[: place.start()] if place else text
    field = place.group(1) if place else ""
    missing = _MISSING.search(message)
    if missing:
        field = f"{field}.{missing.group(1)}" if field else missing.group(1)
    return message, field.replace("[...]", "")


def _check_context(context: dict[str, Any] | None) -> None:
    """The context is kept in the log: only what JSON and MessagePack both hold, and not too deep."""

    def check(value: Any, depth: int) -> None:
        if depth > 8:
            raise _invalid("playerContext is nested too deeply", "playerContext")
        if isinstance(value, dict):
            for inner in value.values():
                check(inner, depth + 1)
        elif isinstance(value, list):
            for inner in value:
                check(inner, depth + 1)
        elif isinstance(value, int) and not -(2**63) <= value < 2**64:
            raise _invalid("a whole number is beyond 64 bits", "playerContext")
        elif isinstance(value, float) and not math.isfinite(value):
            raise _invalid("a number is not finite", "playerContext")
        elif isinstance(value, str) and not value.isascii():
            _check_text(value)

    check(context or {}, 0)


def _check_text(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _invalid("a text has half a surrogate pair", "playerContext") from None


def _invalid(message: str, field: str) -> Refused:
    return Refused(400, message, field=field) if field else Refused(400, message)
