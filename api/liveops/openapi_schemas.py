"""The schemas of S3's document: the live-ops contract's table of fields."""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]

_TEXT: Final[Json] = {"type": "string"}
_TEXT_OR_NULL: Final[Json] = {"type": ["string", "null"]}
_TIME: Final[Json] = {"type": "string", "format": "date-time"}
_TIME_OR_NULL: Final[Json] = {"type": ["string", "null"], "format": "date-time"}
_NUMBER: Final[Json] = {"type": "number"}
_WHOLE: Final[Json] = {"type": "integer"}
_TRUTH: Final[Json] = {"type": "boolean"}
_KEY: Final[Json] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 255,
    "pattern": "^[!-~]([ -~]*[!-~])?$",
    "description": "Printable ASCII without a space at either end: the same text in a body and in a header.",
}
_AMOUNT: Final[Json] = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(name: str) -> Json:
    return {"type": "array", "items": _ref(name)}


def _object(**fields: Json) -> Json:
    return {"type": "object", "required": list(fields), "properties": fields}


def _one_of(*values: str) -> Json:
    return {"type": "string", "enum": list(values)}


SCHEMAS: Final[Json] = {
    "ErrorResponse": _object(error=_object(code=_TEXT, message=_TEXT, details={"type": "object"})),
    "PingResponse": _object(
        ok=_TRUTH,
        gameId=_TEXT,
        keyType=_one_of("client_sdk", "server_api"),
        environment=_one_of("live", "test"),
        serverTime=_TIME,
    ),
    "Entry": _object(type=_one_of("item", "currency"), key=_TEXT, quantity=_WHOLE),
    "Event": _object(
        eventKey=_TEXT,
        name=_TEXT,
        mode=_one_of("global", "grouped", "segmented"),
        windowId=_TEXT,
        windowStartsAt=_TIME,
        windowEndsAt=_TIME,
        leaderboardId=_TEXT_OR_NULL,
        target={"anyOf": [_object(metric=_TEXT, value=_NUMBER), {"type": "null"}]},
        attemptsUsed=_WHOLE,
        attemptCap={"type": ["integer", "null"]},
        activeAttemptId=_TEXT_OR_NULL,
        matchmaking=_TRUTH,
        rewards={
            "type": "array",
            "items": _object(trigger=_TEXT, kind=_one_of("reward", "crate"), entries=_list("Entry")),
        },
    ),
    "EventsListResponse": _object(events=_list("Event")),
    "Attempt": _object(
        id=_TEXT,
        eventKey=_TEXT,
        windowId=_TEXT,
        status=_one_of("active", "completed", "expired"),
        metrics={"type": "object", "additionalProperties": _NUMBER},
        score=_NUMBER,
        startedAt=_TIME,
        completedAt=_TIME_OR_NULL,
        lobbyId=_TEXT_OR_NULL,
    ),
    "StartAttemptResponse": _object(attempt=_ref("Attempt"), leaderboardId=_TEXT),
    "Grant": _object(
        id=_TEXT,
        kind=_one_of("reward", "crate"),
        status=_one_of("pending", "claimed", "expired"),
        source=_object(eventKey=_TEXT_OR_NULL, attemptId=_TEXT_OR_NULL, trigger=_TEXT),
        entries=_list("Entry"),
        parentGrantId=_TEXT_OR_NULL,
        ackedBy=_TEXT_OR_NULL,
        createdAt=_TIME,
        claimedAt=_TIME_OR_NULL,
        expiresAt=_TIME_OR_NULL,
    ),
    "ProgressResponse": _object(
        attempt=_ref("Attempt"),
        leaderboard=_object(
            leaderboardId=_TEXT,
            rank={"type": ["integer", "null"]},
            score=_NUMBER,
            isPersonalBest=_TRUTH,
        ),
        grants=_list("Grant"),
    ),
    "LeaderboardEntry": _object(rank=_WHOLE, externalId=_TEXT, score=_NUMBER, achievedAt=_TIME, isBot=_TRUTH),
    "LeaderboardResponse": _object(
        leaderboardId=_TEXT,
        eventKey=_TEXT,
        windowId=_TEXT,
        finalized=_TRUTH,
        totalPlayers=_WHOLE,
        entries=_list("LeaderboardEntry"),
        self={"anyOf": [_ref("LeaderboardEntry"), {"type": "null"}]},
    ),
    "LeaderboardStreamEvent": _object(
        leaderboardId=_TEXT,
        externalId=_TEXT,
        score=_NUMBER,
        previousScore={"type": ["number", "null"]},
        rank={"type": ["integer", "null"]},
        occurredAt=_TIME,
    ),
    "PendingGrantsResponse": _object(grants=_list("Grant")),
    "ClaimGrantResponse": _object(grant=_ref("Grant")),
    "OpenCrateResponse": _object(crate=_ref("Grant"), contents=_ref("Grant")),
    "LobbyResponse": _object(
        lobby=_object(
            id=_TEXT,
            eventKey=_TEXT,
            status=_one_of("forming", "active", "closed"),
            size=_WHOLE,
            players={"type": "array", "items": _object(externalId=_TEXT, joinedAt=_TIME)},
            bots=_WHOLE,
            fillsAt=_TIME,
        )
    ),
    "RegisterPlayerResponse": _object(player=_object(externalId=_TEXT, createdAt=_TIME), secret=_TEXT),
    "Item": _object(itemKey=_TEXT, quantity=_WHOLE, updatedAt=_TIME),
    "WalletEntry": _object(economyKey=_TEXT, balance=_WHOLE, updatedAt=_TIME),
    "InventoryListResponse": _object(items=_list("Item")),
    "ConsumeItemResponse": _object(item=_ref("Item")),
    "WalletListResponse": _object(wallet=_list("WalletEntry")),
    "DebitWalletResponse": _object(entry=_ref("WalletEntry")),
    "CatalogResponse": _object(
        items={"type": "array", "items": _object(itemKey=_TEXT, name=_TEXT, metadata={"type": "object"})},
        currencies={"type": "array", "items": _object(economyKey=_TEXT, name=_TEXT)},
        inventoryMode=_one_of("platform", "studio"),
    ),
    "Movement": _object(
        number=_WHOLE,
        type=_one_of("item", "currency"),
        key=_TEXT,
        amount=_WHOLE,
        balance=_WHOLE,
        cause=_one_of("debit", "credit", "consume", "item_grant", "claim"),
        reason=_TEXT,
        grantId=_TEXT_OR_NULL,
        tableVersion=_TEXT_OR_NULL,
        seed=_TEXT_OR_NULL,
        commandId=_TEXT,
        occurredAt=_TIME,
    ),
    "Run": _object(
        eventKey=_TEXT,
        windowId=_TEXT,
        leaderboardId=_TEXT,
        attemptsUsed=_WHOLE,
        group={"type": ["integer", "null"]},
        segment=_TEXT_OR_NULL,
        attempt=_ref("Attempt"),
    ),
    "ServerPlayerResponse": _object(
        player=_object(externalId=_TEXT, createdAt=_TIME, registered=_TRUTH),
        wallet=_list("WalletEntry"),
        inventory=_list("Item"),
        pendingGrants=_list("Grant"),
        runs=_list("Run"),
        ledger=_list("Movement"),
    ),
    "LedgerResponse": _object(ledger=_list("Movement"), nextCursor=_TEXT_OR_NULL),
    "KeyOnly": {"type": "object", "properties": {"idempotencyKey": _KEY}},
}


def _body(required: tuple[str, ...] = (), **fields: Json) -> Json:
    properties = {**fields, "idempotencyKey": _KEY}
    body: Json = {"type": "object", "properties": properties}
    return body | ({"required": list(required)} if required else {})


_PLAYER: Final = "/sdk/v1/players/{externalId}"
_SERVER: Final = "/server/v1/players/{externalId}"
_REASON: Final[Json] = {"type": "string", "maxLength": 500}
_MOVED: Final = _body(("amount",), amount=_AMOUNT, reason=_REASON)
_HELD: Final = _body(("quantity",), quantity=_AMOUNT, reason=_REASON)
BODIES: Final[dict[str, Json]] = {
    f"{_PLAYER}/events/{{eventKey}}/start": _body(playerContext={"type": "object"}),
    f"{_PLAYER}/events/{{eventKey}}/attempts/{{attemptId}}/progress": _body(
        ("mode",),
        mode=_one_of("increment", "set"),
        metricValue=_NUMBER,
        metrics={"type": "object", "additionalProperties": _NUMBER, "maxProperties": 32},
        occurredAt=_TIME,
    ),
    f"{_PLAYER}/inventory/{{itemKey}}/consume": _HELD,
    f"{_PLAYER}/wallet/{{economyKey}}/debit": _MOVED,
    f"{_SERVER}/wallet/{{economyKey}}/credit": _MOVED,
    f"{_SERVER}/inventory/{{itemKey}}/grant": _HELD,
    f"{_SERVER}/grants": _body(
        entries=_list("Entry"),
        crate=_object(
            table={"type": "array", "items": _object(weight=_NUMBER, entries=_list("Entry"))},
        ),
        expiresAt=_TIME,
    ),
}
"""Bodies of the writes that have more than an idempotency key, by path."""
