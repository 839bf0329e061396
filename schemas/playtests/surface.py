"""What all routes of S2 share in its document. Source: the S2 reference and the playtests contract."""

from __future__ import annotations

from typing import Any, Final

from schemas.edge.openapi import Document, Refusal
from schemas.edge.parameters import Integer, Parameter, Text
from schemas.edge.ports import KeyKind
from schemas.edge.routes import Header
from schemas.identifiers import ID_CHARACTERS_MAX
from schemas.playtests.bodies import BODY_BYTES_MAX
from schemas.playtests.envelopes import ErrorResponse
from schemas.playtests.examples import APPLICATION_ID, ORDER_ID, PAYMENT_ID, SLOT_ID
from schemas.playtests.state_text import applications_table, slots_table

_DESCRIPTION: Final = f"""Studios order playtests, pay them and review what comes; playtesters claim and earn.

The key goes into `Authorization: Bearer`: a studio's (`wpg_sk_`, scope `game_owner`) or a playtester's
(`wpg_pt_`, scope `playtester`). Owners make 100, 300 or 1,200 calls a minute by their studio's plan,
playtesters 120.

Answers are `{{data, meta}}` or `{{error, meta}}`. A request is checked for its key (401), its rate (429), its
scope (403), the body's size (413), JSON (400), its fields (422, all problems at once in `details`), whether
the thing exists for the caller (404) and whether its state allows it (409 with a `reason`), in this order.

`Idempotency-Key` holds on every POST and PATCH for 24 hours: a retry gets the same `data` byte for byte under
a new `meta`; the same key with another body is 422 `IDEMPOTENCY_MISMATCH`. Refusals other than 404 and 409
are not remembered, nor is a claim's while no slot is open: a retry may get one. Where a client sends no key,
one is made and answered.

Lists are newest first by a time and an id that never change, which `cursor` holds: rows that come meanwhile
are on no later page, and none is on two. Ids are UUIDs. Amounts are in cents (USD).

## States

There is an open successor while the playtest is active, its window is open where it is manual, and a spare is
left where keys were given. What is in no row is 409 `wrong_status`.

{slots_table()}

An application leaves `pending` once; what is in no row is 409 `not_pending`.

{applications_table()}"""

_SCHEMES: Final = {"bearer": {"type": "http", "scheme": "bearer"}}
_META: Final = {"requestId": "req_abc123def456", "timestamp": "2026-03-02T12:00:00.000Z"}


def _refusal(code: str, description: str, message: str, **details: Any) -> Refusal:
    return Refusal(description, {"error": {"code": code, "message": message, **details}, "meta": _META})


def _id(name: str, example: str, description: str) -> Parameter:
    kind = Text(1, ID_CHARACTERS_MAX)
    return Parameter(name=name, place="path", kind=kind, example=example, description=description)


DOCUMENT: Final = Document(
    title="Playtest ordering (S2)",
    description=_DESCRIPTION,
    credentials=dict.fromkeys((KeyKind.PLAYTEST_OWNER, KeyKind.PLAYTESTER), _SCHEMES),
    error=ErrorResponse,
    refusals={
        400: _refusal(
            "BAD_REQUEST",
            "The body is no JSON object, or the playtest is of the other selection mode.",
            "the body must be a JSON object",
        ),
        401: _refusal("UNAUTHORIZED", "Missing or unknown key.", "the key is not valid here"),
        402: _refusal(
            "PAYMENT_REQUIRED",
            "The studio's credit is too small. Not remembered: top up and retry.",
            "the credit is too small",
            balanceCents=1500,
            requiredCents=6000,
        ),
        403: _refusal(
            "FORBIDDEN",
            "The key is of the other scope.",
            "this route takes a key of the scope game_owner",
            requiredScope="game_owner",
        ),
        404: _refusal(
            "NOT_FOUND",
            "Unknown, another studio's, or not offered to this playtester: all alike.",
            "not found",
        ),
        408: _refusal(
            "REQUEST_TIMEOUT", "The body did not arrive in time.", "the body did not arrive in time"
        ),
        409: _refusal(
            "CONFLICT", "The state forbids it; `reason` says why.", "No slot is open.", reason="no_open_slot"
        ),
        413: _refusal(
            "PAYLOAD_TOO_LARGE",
            "The body is over its limit.",
            f"the body may be at most {BODY_BYTES_MAX} bytes",
        ),
        415: _refusal(
            "UNSUPPORTED_MEDIA_TYPE",
            "This content encoding is not accepted.",
            "the content encoding must be gzip or none",
        ),
        422: _refusal(
            "VALIDATION_ERROR",
            "Fields, query or cursor are invalid, `details` names each; or `IDEMPOTENCY_MISMATCH`: the key "
            "was used with another body.",
            "the request is not valid: quantity: must be at most 100",
            details=[{"field": "quantity", "message": "must be at most 100"}],
        ),
        429: _refusal(
            "RATE_LIMITED", "Over the key's rate.", "too many requests; retry after 5 s", retryAfterMs=4823
        ),
        500: _refusal("INTERNAL_ERROR", "A defect of ours.", "internal error"),
        503: _refusal(
            "SERVICE_UNAVAILABLE",
            "A store or the log is away; whether a write happened is not known. Retry with the same key.",
            "not available right now",
        ),
    },
    names={
        parameter.name: parameter
        for parameter in (
            _id("gameId", "dungeon-crawlers", "The game's id, or its slug."),
            _id("playtestId", ORDER_ID, "A playtest's id."),
            _id("slotId", SLOT_ID, "A slot's id."),
            _id("applicationId", APPLICATION_ID, "An application's id."),
            _id("paymentId", PAYMENT_ID, "A top-up's id."),
        )
    },
    headers={
        "X-RateLimit-Limit": Header("Calls a minute of this key.", Integer(1)),
        "X-RateLimit-Remaining": Header("Calls that are left.", Integer(0)),
        "X-RateLimit-Reset": Header("When the limit is whole again, in unix seconds.", Integer(0)),
    },
)
