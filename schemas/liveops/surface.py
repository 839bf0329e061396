"""What all routes of S3 share in its document; reads and writes list theirs beside their handlers.

Source: the S3 reference, and the live-ops contract for `/server/v1`.
"""

from __future__ import annotations

from typing import Any, Final

from schemas.edge.openapi import Document, Refusal
from schemas.edge.parameters import Integer, Parameter, Text
from schemas.edge.ports import KeyKind
from schemas.edge.routes import Header
from schemas.identifiers import ID_CHARACTERS_MAX
from schemas.liveops.examples import ATTEMPT, BOARD, EVENT, GRANT, LOBBY, PLAYER, SECRET
from schemas.liveops.responses import ErrorResponse

SERVER: Final = frozenset({KeyKind.SDK_SERVER})
"""A studio's server: it needs no player secret."""
SDK: Final = frozenset({KeyKind.SDK_LIVE, KeyKind.SDK_TEST, *SERVER})
PLAYER_SECRET: Final = Parameter(
    name="X-Player-Secret",
    place="header",
    kind=Text(),
    example=SECRET,
    description="A registered player's secret; inventory and wallet always need it. Server keys need none.",
)

_DESCRIPTION: Final = """Events, leaderboards, grants, lobbies, inventory and wallet for game clients, and the
studio's own server side under `/server/v1` (keys `lo_srv_`, which also work under `/sdk/v1`).

The key goes into `Authorization: Bearer` or `X-Api-Key`, a registered player's secret into `X-Player-Secret`.
`idempotencyKey` in the body (or the header `Idempotency-Key`) makes a retry return the first outcome.
`register` shows the secret again only where that key holds a random UUID (version 4 or 7): give it one.

Calls are counted for each key and player (or address, where the path has no player), and behind that, much
higher, for all players behind one address (IPv6: one /64) and for the whole key; `details.scope` of a 429
says which limit was met. Open streams are counted too, by address and by game.

A stream goes on after `Last-Event-ID` (or `lastEventId` in the query); after an id of the future it goes
on from its end, and `ready` then has `resumed: false`. The board of an open `global` window, and of a
window that ended without a player, is empty, not 404. A rotated or revoked key's streams end within 5 s.

An id, here and on every surface, has 1 to 128 characters that can be seen: control, format, zero-width and
private-use characters, surrogates, and white space other than U+0020 are 400. Ids are compared code point by
code point, without any normalisation. A path must be percent-encoded UTF-8; `%2F` is a slash inside of an id.
Where an integer is asked, `5.0` and `5e0` are 5 as long as they are below 2^53; `5.5` is 400."""
_RATE: Final = "Of the limit that is nearest to its end"
_SCHEMES: Final[dict[str, dict[str, Any]]] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
}


def _name(name: str, example: str, description: str) -> Parameter:
    kind = Text(1, ID_CHARACTERS_MAX)
    return Parameter(name=name, place="path", kind=kind, example=example, description=description)


def _refusal(code: str, description: str, **details: Any) -> Refusal:
    return Refusal(description, {"error": {"code": code, "message": description, "details": details}})


DOCUMENT: Final = Document(
    title="Live-ops (S3)",
    description=_DESCRIPTION,
    credentials=dict.fromkeys(sorted(SDK), _SCHEMES),
    error=ErrorResponse,
    refusals={
        400: _refusal(
            "validation_failed",
            "A parameter or the body is invalid; `details.field` names it.",
            field="amount",
        ),
        401: _refusal("unauthorized", "Missing or invalid key, or player secret."),
        403: _refusal("forbidden", "The key has no right to do this."),
        404: _refusal("not_found", "Not found, or another game's."),
        408: _refusal("request_timeout", "The body did not arrive in time."),
        409: _refusal(
            "conflict", "Conflict; `details.reason` may say which.", reason="idempotency_key_reused"
        ),
        413: _refusal("payload_too_large", "The body is over its limit."),
        415: _refusal("unsupported_media_type", "This content encoding is not accepted."),
        429: _refusal(
            "rate_limited",
            "Over a rate (`details.scope`), or the attempt cap is used up. "
            "`Retry-After` says how long to wait.",
            retryAfterMs=4823,
            scope="player",
        ),
        500: _refusal("internal", "A defect of ours."),
        503: _refusal(
            "unavailable", "A store or the log is away; whether a write happened is not known. Retry."
        ),
    },
    names={
        parameter.name: parameter
        for parameter in (
            _name("externalId", PLAYER, "The player's id in the game."),
            _name("eventKey", EVENT, "The event's key in the game's definition."),
            _name("attemptId", ATTEMPT, "An attempt's id, as `start` gave it."),
            _name("grantId", GRANT, "A grant's id."),
            _name("itemKey", "medkit", "An item of the game's catalog."),
            _name("economyKey", "gold", "A currency of the game's catalog."),
            _name("leaderboardId", BOARD, "A board's id, as `events` and `start` give it."),
            _name("lobbyId", LOBBY, "A lobby's id."),
        )
    },
    headers={
        "RateLimit-Limit": Header(f"{_RATE}: calls in a period.", Integer(1)),
        "RateLimit-Remaining": Header(f"{_RATE}: calls that are left.", Integer(0)),
        "RateLimit-Reset": Header(f"{_RATE}: seconds until it is whole again.", Integer(0)),
    },
)
