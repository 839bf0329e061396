"""Routes of key batches beside S1's reads: the page of a link, claims of handles, the check of a code."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from schemas.edge.idempotency import KEY_EXAMPLE
from schemas.edge.openapi import Document, Refusal
from schemas.edge.parameters import Parameter, Text
from schemas.edge.ports import KeyKind
from schemas.edge.routes import Answer, Body, Route
from schemas.edge.zod import Error
from schemas.playtests.limits import KEY_CHARACTERS_MAX
from schemas.playtests.redemption_keys import RULE

BODY_BYTES_MAX: Final = 8 * 1024
_TAG: Final = "S1: key batches"
_CLAIM_TOKEN: Final = "pl_tt_5d1f0c7e9b3a4f2e8c6d1a0b9e8f7c6d5b4a3928"  # noqa: S105 - an example


class RedeemBody(msgspec.Struct, frozen=True, kw_only=True):
    """Who redeems a key, as far as the batch's `identity_mode` asks. A form's fields have the same names."""

    handle: Annotated[
        str, Meta(pattern=r"^[A-Za-z0-9_-]{2,32}$", description="Unique in the game, whatever its case.")
    ] = ""
    email: Annotated[str, Meta(max_length=254, description="Each gets one key of a batch.")] = ""


class Redeemed(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The key, shown to the person who redeemed it, where JSON was sent; else it is a page."""

    key: str
    handle: str | None
    claim_token: Annotated[str | None, Meta(description="Links a device to the handle; null without one.")]


class ClaimBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a game sends to link a device, or to unlink it."""

    claim_token: str
    game_id: Annotated[str, Meta(description="Id or slug.")]
    device_id: str


class Claimed(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The handle that the device is linked to, since when in unix milliseconds."""

    ok: bool = True
    already_linked: bool
    handle: str
    claimed_at: int


class Unlinked(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the device was linked before."""

    ok: bool = True
    unlinked: bool


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to everything that is not right: it does not tell what."""

    ok: bool = False
    reason: Literal["unknown"] = "unknown"


class Tester(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The handle that a device is linked to, if any."""

    linked: bool
    handle: str | None
    claimed_at: int | None


class CodeBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A code that a player typed in."""

    game_id: Annotated[str, Meta(min_length=1, max_length=120, description="Id or slug.")]
    code: Annotated[str, Meta(min_length=1, max_length=KEY_CHARACTERS_MAX)]


class Valid(msgspec.Struct, frozen=True, kw_only=True):
    """True for a key of the game that is redeemed or may still be; false for any other text."""

    valid: bool


_HANDLE: Final = "alex-press"
_CLAIM: Final = {"claimToken": _CLAIM_TOKEN, "gameId": "doom", "deviceId": "device_e9c0abcd"}
_REFUSED: Final = Answer(
    status=404, kind=Unknown, description=Unknown.__doc__ or "", example={"ok": False, "reason": "unknown"}
)


def _route(
    name: str,
    method: Literal["GET", "POST", "DELETE"],
    template: str,
    summary: str,
    answers: tuple[Answer, ...],
    **more: Any,
) -> Route:
    errors = more.pop("errors", (429,))
    return Route(
        name=name,
        method=method,
        template=template,
        summary=summary,
        tag=_TAG,
        keys=more.pop("keys", frozenset()),
        answers=answers,
        errors=errors,
        **more,
    )


def _answer(kind: Any, example: Any) -> Answer:
    return Answer(kind=kind, description=kind.__doc__ or "", example=example)


REDEEM: Final = _route(
    "redeem",
    "POST",
    "/redeem/{token}",
    "Redeem a key by a link",
    (_answer(Redeemed, {"key": "AAAA-BBBB-CCCC", "handle": _HANDLE, "claimToken": _CLAIM_TOKEN}),),
    description="The first in the log gets the key. The same `Idempotency-Key`, or the cookie of the page, "
    "shows it again for 24 hours; another person gets 409. Answers in JSON where JSON was sent, else a page.",
    body=Body(
        kinds=(RedeemBody,),
        bytes_max=BODY_BYTES_MAX,
        required=False,
        form=True,
        examples={"handle": {"handle": _HANDLE}},
    ),
    parameters=(
        Parameter(
            name="Idempotency-Key",
            place="header",
            kind=Text(1, 255),
            description=f"Printable characters; shows the key again for 24 hours. {RULE}",
            example=KEY_EXAMPLE,
        ),
    ),
    errors=(404, 409, 410, 429),
    page=True,
)
REDEEM_PAGE: Final = _route(
    "redeem_page",
    "GET",
    "/redeem/{token}",
    "The page of a link",
    (Answer(kind=None, content_type="text/html", description="A form, or the key that this browser has."),),
    description="Plain HTML without scripts. Marks the invite opened, and sets the cookie that a redemption "
    "is bound to.",
    errors=(404, 409, 410, 429),
    page=True,
)
CLAIM: Final = _route(
    "claim",
    "POST",
    "/api/telemetry/claim",
    "Link a handle to a device",
    (
        _answer(Claimed, {"ok": True, "alreadyLinked": False, "handle": _HANDLE, "claimedAt": 1779600000000}),
        _REFUSED,
    ),
    description="One device a handle, and one handle a device. Sessions that the device begins from then on "
    "show the handle as `testerHandle`, whether they or the claim came first.",
    body=Body(kinds=(ClaimBody,), bytes_max=BODY_BYTES_MAX, examples={"claim": _CLAIM}),
)
UNCLAIM: Final = _route(
    "unclaim",
    "DELETE",
    "/api/telemetry/claim",
    "Unlink a device",
    (_answer(Unlinked, {"ok": True, "unlinked": True}), _REFUSED),
    body=Body(kinds=(ClaimBody,), bytes_max=BODY_BYTES_MAX, examples={"claim": _CLAIM}),
)
TESTER: Final = _route(
    "tester",
    "GET",
    "/api/telemetry/tester",
    "Which handle a device is linked to",
    (_answer(Tester, {"linked": True, "handle": _HANDLE, "claimedAt": 1779600000000}), _REFUSED),
    parameters=(
        Parameter(name="gameId", place="query", kind=Text(1), description="The game's id.", example="doom"),
        Parameter(
            name="deviceId", place="query", kind=Text(1), description="The device.", example="device_e9c0abcd"
        ),
    ),
)
VALIDATE: Final = _route(
    "validate",
    "POST",
    "/api/v1/playtest/validate",
    "Whether a code is a valid key of a game",
    (_answer(Valid, {"valid": True}),),
    description="A key is valid while it is redeemed, or may be: not once it is revoked, nor unredeemed in "
    "a batch that is closed or over. 120 calls a minute for each address.",
    keys=frozenset({KeyKind.INGEST}),
    body=Body(
        kinds=(CodeBody,),
        bytes_max=BODY_BYTES_MAX,
        examples={"code": {"gameId": "doom", "code": "pl-betakey-0a1b2c3d-4e5f6071-8293a4b5"}},
    ),
    errors=(403, 404),
)
ROUTES: Final = (REDEEM_PAGE, REDEEM, CLAIM, UNCLAIM, TESTER, VALIDATE)
DOCUMENT: Final = Document(
    title="Key batches: redemption and claims (S1)",
    description="Links that give a key, claims of handles, and the check of a code.\n\nLinks and claims take "
    "no key: 20 calls a minute for each address, of each kind.",
    credentials={
        KeyKind.INGEST: {"ingestKey": {"type": "http", "scheme": "bearer", "description": "pl_ik_…"}}
    },
    error=Error,
    refusals={
        400: Refusal(
            "The body or the address is not right; `issues` says what.",
            {
                "error": "Invalid payload",
                "issues": [{"code": "invalid_type", "path": ["code"], "message": "Required"}],
            },
        ),
        401: Refusal("No key, or none we know.", {"error": "Missing bearer token"}),
        403: Refusal("A management key.", {"error": "Wrong key scope", "requiredScope": "ingest"}),
        404: Refusal("No such link, or no such game in this account.", {"error": "Not found"}),
        408: Refusal("The body did not arrive in time.", {"error": "Request timeout"}),
        409: Refusal(
            "The link was used, no key is left (`no_key_left`), or the handle or e-mail is taken "
            "(`handle_taken`, `email_used`).",
            {"error": "used"},
        ),
        410: Refusal("The key is revoked, or the batch closed or over.", {"error": "GONE"}),
        413: Refusal("The body is over its limit.", {"error": "Payload too large"}),
        415: Refusal("This content encoding is not accepted.", {"error": "Unsupported media type"}),
        429: Refusal(
            "Over the limit of this address. Waiting `retryAfterMs` suffices.",
            {"error": "Rate limit exceeded", "retryAfterMs": 4823, "scope": "ip"},
        ),
        500: Refusal("A defect of ours.", {"error": "Internal error"}),
        503: Refusal(
            "The log or a store is away: it may or may not have happened. Retry, with the same key.",
            {"error": "Service unavailable"},
        ),
    },
    names={
        "token": Parameter(
            name="token",
            place="path",
            kind=Text(1, 128, "[A-Za-z0-9_-]+"),
            description="Of an invite's link, or of a public batch's.",
            example="5d1f0c7e9b3a4f2e8c6d1a0b9e8f7c6d5b4a3928",
        )
    },
)
