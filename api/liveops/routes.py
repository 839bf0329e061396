"""S3's reads as routes. Source: the S3 reference, and the live-ops contract for `/server/v1`."""

from __future__ import annotations

from typing import Any, Final

from schemas.edge.parameters import Boolean, Choice, Integer, Parameter, Text
from schemas.edge.routes import Answer, Proof, Route, RouteTable
from schemas.identifiers import ID_CHARACTERS_MAX
from schemas.liveops.examples import PLAYER, example_of
from schemas.liveops.examples import STREAM as STREAM_EXAMPLE
from schemas.liveops.responses import (
    CatalogResponse,
    EventsListResponse,
    InventoryListResponse,
    LeaderboardResponse,
    LeaderboardStreamEvent,
    LedgerResponse,
    LobbyResponse,
    PendingGrantsResponse,
    PingResponse,
    ServerPlayerResponse,
    WalletListResponse,
)
from schemas.liveops.surface import PLAYER_SECRET, SDK, SERVER

_BOARD: Final = "/sdk/v1/leaderboards/{leaderboardId}"
_PLAYER: Final = "/sdk/v1/players/{externalId}"
_SERVER: Final = "/server/v1/players/{externalId}"
_STREAM_ID: Final = Text(pattern=r"\d+-\d+")
_AFTER: Final = "1778727072408-0"
_LIMIT: Final = Parameter(
    name="limit", kind=Integer(1, 200), description="How many are answered at most.", default=50
)
_STATUS: Final = Parameter(
    name="status", kind=Choice(("active",)), description="There is no other.", default="active"
)
_SELF: Final = (
    Parameter(name="includeSelf", kind=Boolean(), description="Whether `self` is looked up."),
    Parameter(
        name="externalId",
        kind=Text(1, ID_CHARACTERS_MAX),
        description="Whose place `self` is.",
        example=PLAYER,
    ),
)
_CURSOR: Final = Parameter(
    name="cursor",
    kind=Text(pattern="[1-9][0-9]{0,14}"),
    description="`nextCursor` of the page before.",
    example="17",
)


def _read(
    name: str,
    template: str,
    tag: str,
    summary: str,
    answer: Any,
    *,
    parameters: tuple[Parameter, ...] = (),
    proof: Proof = "none",
    errors: tuple[int, ...] = (),
) -> Route:
    server = template.startswith(_SERVER)
    return Route(
        name=name,
        method="GET",
        template=template,
        tag=tag,
        summary=summary,
        keys=SERVER if server else SDK,
        proof=proof,
        parameters=(*parameters, *(() if proof == "none" else (PLAYER_SECRET,))),
        answers=(Answer(kind=answer, description=answer.__doc__, example=example_of(answer)),),
        errors=(403, 404) if server else errors,
    )


STREAM: Final = Route(
    name="stream",
    method="GET",
    template=f"{_BOARD}/stream",
    tag="Leaderboards",
    summary="Live score updates",
    keys=SDK,
    parameters=(
        Parameter(
            name="Last-Event-ID",
            place="header",
            kind=_STREAM_ID,
            example=_AFTER,
            description="The last event's id that was received: the stream goes on after it.",
        ),
        Parameter(
            name="lastEventId",
            kind=_STREAM_ID,
            example=_AFTER,
            description="The same, for clients without headers.",
        ),
    ),
    answers=(
        Answer(
            kind=None,
            description="Events `ready`, `score_update` (LeaderboardStreamEvent) and `closed`, each with "
            "an `id:`.",
            content_type="text/event-stream",
            example=STREAM_EXAMPLE,
            events=(LeaderboardStreamEvent,),
        ),
    ),
    errors=(404,),
)
ROUTES: Final = (
    _read("ping", "/sdk/v1/ping", "Health", "Cheap auth probe", PingResponse),
    _read(
        "events",
        f"{_PLAYER}/events",
        "Events",
        "Events with an open window",
        EventsListResponse,
        parameters=(_STATUS,),
        proof="registered",
    ),
    _read(
        "leaderboard",
        _BOARD,
        "Leaderboards",
        "Read a leaderboard",
        LeaderboardResponse,
        parameters=(_LIMIT, *_SELF),
        errors=(404,),
    ),
    STREAM,
    _read(
        "pending_grants",
        f"{_PLAYER}/pending-grants",
        "Grants",
        "Unclaimed grants, newest first",
        PendingGrantsResponse,
        parameters=(_LIMIT,),
        proof="registered",
    ),
    _read("lobby", "/sdk/v1/lobbies/{lobbyId}", "Lobbies", "Poll a lobby", LobbyResponse, errors=(404,)),
    _read(
        "inventory",
        f"{_PLAYER}/inventory",
        "Inventory",
        "What is held",
        InventoryListResponse,
        proof="always",
    ),
    _read("wallet", f"{_PLAYER}/wallet", "Wallet", "Every balance", WalletListResponse, proof="always"),
    _read("catalog", "/sdk/v1/catalog", "Catalog", "Items and currencies", CatalogResponse),
    _read("server_player", _SERVER, "Server", "Everything of one player", ServerPlayerResponse),
    _read(
        "server_ledger",
        f"{_SERVER}/ledger",
        "Server",
        "Every movement, newest first",
        LedgerResponse,
        parameters=(_LIMIT, _CURSOR),
    ),
)
find_read: Final = RouteTable(ROUTES).find
