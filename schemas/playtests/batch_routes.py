"""Routes of key batches that take no key: the page of a link, claims of handles."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from schemas.edge.parameters import Parameter, Text
from schemas.edge.routes import Answer, Route

_TAG: Final = "S1: key batches"


class Redeemed(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The key, shown to the person who redeemed it, where JSON was asked for; else it is a page."""

    key: str
    handle: str | None
    claim_token: str | None


class Claimed(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The handle that the device is linked to, since when in unix milliseconds. DELETE: `{ok, unlinked}`."""

    ok: bool = True
    already_linked: bool
    handle: str
    claimed_at: int


class Tester(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The handle that a device is linked to, if any."""

    linked: bool
    handle: str | None
    claimed_at: int | None


def _route(
    name: str, method: Literal["GET", "POST"], template: str, summary: str, kind: Any, **more: Any
) -> Route:
    answer = Answer(kind=kind, description=kind.__doc__ or "")
    return Route(
        name=name,
        method=method,
        template=template,
        summary=summary,
        tag=_TAG,
        keys=frozenset(),
        answers=(answer,),
        errors=(404, 429, *more.pop("errors", ())),
        **more,
    )


REDEEM: Final = _route(
    "redeem",
    "POST",
    "/redeem/{token}",
    "Redeem a key by a link. GET shows the page.",
    Redeemed,
    errors=(405, 409, 410),
)
CLAIM: Final = _route(
    "claim",
    "POST",
    "/api/telemetry/claim",
    "Link a handle to a device; DELETE unlinks it.",
    Claimed,
    errors=(405,),
)
TESTER: Final = _route(
    "tester",
    "GET",
    "/api/telemetry/tester",
    "Which handle a device is linked to.",
    Tester,
    parameters=(
        Parameter(name="gameId", place="query", kind=Text(1), description="The game's id."),
        Parameter(name="deviceId", place="query", kind=Text(1), description="The device."),
    ),
)
