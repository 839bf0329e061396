"""S3 as OpenAPI 3.1: the whole surface, reads and writes, and the server side. Data, made once.

Source: the S3 reference, and the live-ops contract for the schemas' fields and `/server/v1`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from api.liveops.openapi_schemas import BODIES, SCHEMAS, Json
from schemas.identifiers import ID_CHARACTERS_MAX

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
_ERRORS: Final = {
    400: "A parameter or the body is invalid; `details.field` names it.",
    401: "Missing or invalid key, or player secret.",
    403: "The key has no right to do this.",
    404: "Not found, or another game's.",
    409: "Conflict; `details.reason` may say which.",
    413: "The body is over its limit.",
    429: "Over a rate (`details.scope`), or the attempt cap is used up. `Retry-After` says how long to wait.",
    503: "A store or the log is away; whether a write happened is not known. Retry.",
}
_QUERY: Final[dict[str, Json]] = {
    "status": {"type": "string", "enum": ["active"]},
    "limit": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
    "includeSelf": {"type": "boolean"},
    "externalId": {"type": "string", "minLength": 1, "maxLength": ID_CHARACTERS_MAX},
    "force": {"type": "boolean"},
    "cursor": {"type": "string", "description": "`nextCursor` of the page before."},
}
_READ: Final = (401, 429, 503)
_PLAYER: Final = "/sdk/v1/players/{externalId}"
_SERVER: Final = "/server/v1/players/{externalId}"
_OPERATIONS: Final[tuple[tuple[str, str, str, str, int, str, tuple[int, ...], tuple[str, ...]], ...]] = (
    # method, path, tag, summary, status, schema, errors, query
    ("get", "/sdk/v1/ping", "Health", "Cheap auth probe", 200, "PingResponse", _READ, ()),
    (
        *("get", f"{_PLAYER}/events", "Events", "Events with an open window", 200, "EventsListResponse"),
        *((400, *_READ), ("status",)),
    ),
    (
        *("post", f"{_PLAYER}/events/{{eventKey}}/start", "Events", "Start an attempt", 201),
        *("StartAttemptResponse", (400, 401, 403, 404, 409, 413, 429, 503), ()),
    ),
    (
        *("post", f"{_PLAYER}/events/{{eventKey}}/attempts/{{attemptId}}/progress", "Events"),
        *("Report progress", 200, "ProgressResponse", (400, 401, 404, 409, 413, 429, 503), ()),
    ),
    (
        *("get", "/sdk/v1/leaderboards/{leaderboardId}", "Leaderboards", "Read a leaderboard", 200),
        *("LeaderboardResponse", (400, 401, 404, 429, 503), ("limit", "includeSelf", "externalId")),
    ),
    (
        *("get", "/sdk/v1/leaderboards/{leaderboardId}/stream", "Leaderboards", "Live score updates", 200),
        *("", (400, 401, 404, 429, 503), ()),
    ),
    (
        *("get", f"{_PLAYER}/pending-grants", "Grants", "Unclaimed grants, newest first", 200),
        *("PendingGrantsResponse", (400, *_READ), ("limit",)),
    ),
    (
        *("post", f"{_PLAYER}/grants/{{grantId}}/claim", "Grants", "Claim a grant", 200),
        *("ClaimGrantResponse", (400, 401, 404, 409, 429, 503), ()),
    ),
    (
        *("post", f"{_PLAYER}/crates/{{grantId}}/open", "Grants", "Open a crate", 200),
        *("OpenCrateResponse", (400, 401, 404, 409, 429, 503), ()),
    ),
    (
        *("get", "/sdk/v1/lobbies/{lobbyId}", "Lobbies", "Poll a lobby", 200, "LobbyResponse"),
        *((401, 404, 429, 503), ()),
    ),
    (
        *("post", f"{_PLAYER}/register", "Players", "Mint the player's secret", 201),
        *("RegisterPlayerResponse", (400, 401, 409, 429, 503), ("force",)),
    ),
    ("get", f"{_PLAYER}/inventory", "Inventory", "What is held", 200, "InventoryListResponse", _READ, ()),
    (
        *("post", f"{_PLAYER}/inventory/{{itemKey}}/consume", "Inventory", "Use up an item", 200),
        *("ConsumeItemResponse", (400, 401, 409, 413, 429, 503), ()),
    ),
    ("get", f"{_PLAYER}/wallet", "Wallet", "Every balance", 200, "WalletListResponse", _READ, ()),
    (
        *("post", f"{_PLAYER}/wallet/{{economyKey}}/debit", "Wallet", "Take from a balance", 200),
        *("DebitWalletResponse", (400, 401, 409, 413, 429, 503), ()),
    ),
    ("get", "/sdk/v1/catalog", "Catalog", "Items and currencies", 200, "CatalogResponse", _READ, ()),
    (
        *("get", _SERVER, "Server", "Everything of one player", 200, "ServerPlayerResponse"),
        *((401, 403, 404, 429, 503), ()),
    ),
    (
        *("get", f"{_SERVER}/ledger", "Server", "Every movement, newest first", 200, "LedgerResponse"),
        *((400, 401, 403, 404, 429, 503), ("limit", "cursor")),
    ),
    (
        *("post", f"{_SERVER}/secret", "Server", "Rotate the player's secret", 200, "RegisterPlayerResponse"),
        *((400, 401, 403, 404, 429, 503), ()),
    ),
    (
        *("post", f"{_SERVER}/wallet/{{economyKey}}/credit", "Server", "Add to a balance", 200),
        *("DebitWalletResponse", (400, 401, 403, 409, 413, 429, 503), ()),
    ),
    (
        *("post", f"{_SERVER}/inventory/{{itemKey}}/grant", "Server", "Add to a holding", 200),
        *("ConsumeItemResponse", (400, 401, 403, 409, 413, 429, 503), ()),
    ),
    (
        *("post", f"{_SERVER}/grants", "Server", "Give a grant", 201, "ClaimGrantResponse"),
        *((400, 401, 403, 409, 413, 429, 503), ()),
    ),
)
_NAMES: Final = re.compile(r"\{(\w+)\}")
_RATE: Final = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


def s3_document() -> Json:
    """The document."""
    paths: Json = {}
    for method, path, tag, summary, status, schema, errors, query in _OPERATIONS:
        operation: Json = {
            "operationId": _operation_id(method, path),
            "summary": summary,
            "tags": [tag],
            "parameters": _parameters(path, query),
            # An id in the path may be none.
            "responses": _responses(path, status, schema, (400, *errors) if "{" in path else errors),
        }
        body = BODIES.get(path)
        if method == "post":
            operation["requestBody"] = {
                "required": bool(body and body.get("required")),
                "content": {"application/json": {"schema": body or {"$ref": _schema("KeyOnly")}}},
            }
        paths.setdefault(path, {})[method] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Live-ops (S3)", "version": "1.0.0", "description": _DESCRIPTION},
        "security": [{"bearer": []}, {"apiKey": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
            },
            "schemas": SCHEMAS,
        },
    }


def _operation_id(method: str, path: str) -> str:
    words = [word for word in re.split(r"[/{}-]", path) if word and word != "v1"]
    return "_".join((method, *words))


def _parameters(path: str, query: tuple[str, ...]) -> list[Json]:
    found: list[Json] = [
        {"name": name, "in": "path", "required": True, "schema": _QUERY["externalId"]}
        for name in _NAMES.findall(path)
    ]
    found += [{"name": name, "in": "query", "schema": _QUERY[name]} for name in query]
    if path.startswith(f"{_PLAYER}/") and not path.endswith("/register"):
        about = "A registered player's secret; inventory and wallet always need it."
        found.append(
            {
                "name": "X-Player-Secret",
                "in": "header",
                "schema": {"type": "string"},
                "description": about,
            }
        )
    if path.endswith("/stream"):
        again = {"type": "string", "pattern": r"^\d+-\d+$"}
        found.append({"name": "Last-Event-ID", "in": "header", "schema": again})
    return found


def _responses(path: str, status: int, schema: str, errors: tuple[int, ...]) -> Json:
    rate = {name: {"schema": {"type": "integer"}} for name in _RATE}
    responses: dict[str, Any] = {}
    if schema:
        content = {"application/json": {"schema": {"$ref": _schema(schema)}}}
        responses[str(status)] = {"description": "Done.", "headers": rate, "content": content}
    else:
        text = "Events `ready`, `score_update` (LeaderboardStreamEvent) and `closed`, each with an `id:`."
        content = {"text/event-stream": {"schema": {"type": "string"}}}
        responses["200"] = {"description": text, "headers": rate, "content": content}
    if path.endswith("/start"):
        forming = "The lobby is forming (`lobby_forming`): poll `details.lobbyId`, then start again."
        responses["202"] = {"description": forming, "content": _error()}
    for code in errors:
        responses[str(code)] = {"description": _ERRORS[code], "content": _error()}
        if code in {429, 503}:
            responses[str(code)]["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return responses


def _error() -> Json:
    return {"application/json": {"schema": {"$ref": _schema("ErrorResponse")}}}


def _schema(name: str) -> str:
    return f"#/components/schemas/{name}"
