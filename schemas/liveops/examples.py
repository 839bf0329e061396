"""An answer of each kind, for S3's document: the player `redfox42` in the demo's weekly frags and arena.

Made of the structs that answers are made of, so that they have every field.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from schemas.liveops import resources as parts
from schemas.liveops import responses as answers
from schemas.liveops.names import attempt_id, board_id, grant_id, lobby_id
from schemas.liveops.views import GrantEntry
from schemas.liveops.windows import Window
from schemas.timestamps import iso_ms, unix_ms

PLAYER: Final = "redfox42"
EVENT: Final = "weekly-frags"
_GAME: Final = "72ab8f81-ef36-4712-a046-399a62b9afaa"
_COMMAND: Final = "0196c0de-7a31-7c52-9b1e-4f8d2a6c5e70"
_WEEK: Final = Window(unix_ms("2026-05-11T00:00:00Z"), unix_ms("2026-05-18T00:00:00Z"))
ATTEMPT: Final = attempt_id(_COMMAND)
BOARD: Final = board_id(_GAME, EVENT, _WEEK.id)
GRANT: Final = grant_id(ATTEMPT, PLAYER, "completed")
CRATE: Final = grant_id(BOARD, PLAYER, "rank <= 3")
LOBBY: Final = lobby_id(f"event/{_GAME}/arena/{_WEEK.id}", 1)
SECRET: Final = "ps_5d1f0c7e9b3a4f2e8c6d1a0b9e8f7c6d5b4a3928"  # noqa: S105 - an example
_BEGUN: Final = "2026-05-14T02:47:30.000Z"
_NOW: Final = "2026-05-14T02:51:12.408Z"
_GOLD: Final = GrantEntry(type="currency", key="gold", quantity=50)

_ACTIVE: Final = parts.Attempt(
    id=ATTEMPT,
    event_key=EVENT,
    window_id=_WEEK.id,
    status="active",
    metrics={"frags": 0.0, "damage": 0.0},
    score=0.0,
    started_at=_BEGUN,
    completed_at=None,
    lobby_id=None,
)
_COMPLETED: Final = msgspec.structs.replace(
    _ACTIVE,
    status="completed",
    metrics={"frags": 104.0, "damage": 1830.0},
    score=12230.0,
    completed_at=_NOW,
)
_PENDING: Final = parts.Grant(
    id=GRANT,
    kind="reward",
    status="pending",
    source=parts.GrantSource(event_key=EVENT, attempt_id=ATTEMPT, trigger="completed"),
    entries=[_GOLD],
    parent_grant_id=None,
    acked_by=None,
    created_at=_NOW,
    claimed_at=None,
    expires_at=None,
)
_CLAIMED: Final = msgspec.structs.replace(_PENDING, status="claimed", acked_by="sdk", claimed_at=_NOW)
_OPENED: Final = msgspec.structs.replace(
    _CLAIMED,
    id=CRATE,
    kind="crate",
    source=parts.GrantSource(event_key=EVENT, attempt_id=None, trigger="rank <= 3"),
    entries=[],
)
_OUT_OF_CRATE: Final = msgspec.structs.replace(
    _CLAIMED,
    id=grant_id(CRATE, PLAYER, "crate"),
    source=parts.GrantSource(event_key=EVENT, attempt_id=None, trigger="crate"),
    entries=[GrantEntry(type="item", key="medkit", quantity=1)],
    parent_grant_id=CRATE,
)
_FIRST: Final = parts.LeaderboardEntry(
    rank=1, external_id="nightjar", score=14310.0, achieved_at="2026-05-13T19:20:04.117Z", is_bot=False
)
_OWN: Final = parts.LeaderboardEntry(
    rank=2, external_id=PLAYER, score=12230.0, achieved_at=_NOW, is_bot=False
)
_WALLET: Final = parts.WalletEntry(economy_key="gold", balance=1250, updated_at=_NOW)
_ITEM: Final = parts.Item(item_key="medkit", quantity=3, updated_at=_NOW)
_REGISTERED: Final = parts.Player(external_id=PLAYER, created_at="2026-05-02T18:00:00.000Z")
_MOVEMENT: Final = parts.Movement(
    number=17,
    type="currency",
    key="gold",
    amount=50,
    balance=1250,
    cause="claim",
    reason="",
    grant_id=GRANT,
    table_version=None,
    seed=None,
    command_id=_COMMAND,
    occurred_at=_NOW,
)
_SERVER: Final = parts.LobbyServer(
    status="running",
    instance_id="3b9f6a2c-4d10-4e8b-9a77-5c2e1f0d8b64",
    region="eu-west",
    ports=[
        parts.LobbyServerPort(name="game", protocol="udp", host="203.0.113.20", port=30017, tls_enabled=False)
    ],
    error=None,
)
_EXAMPLES: Final[dict[Any, Any]] = {
    type(example): example
    for example in (
        answers.PingResponse(
            ok=True,
            game_id=_GAME,
            key_type="client_sdk",
            environment="live",
            server_time=_NOW,
        ),
        answers.EventsListResponse(
            events=[
                parts.Event(
                    event_key=EVENT,
                    name="Weekly frags",
                    mode="global",
                    window_id=_WEEK.id,
                    window_starts_at=iso_ms(_WEEK.starts_at_ms),
                    window_ends_at=iso_ms(_WEEK.ends_at_ms),
                    leaderboard_id=BOARD,
                    target=parts.EventTarget(metric="frags", value=100.0),
                    attempts_used=1,
                    attempt_cap=20,
                    active_attempt_id=ATTEMPT,
                    matchmaking=False,
                    rewards=[parts.EventReward(trigger="completed", kind="reward", entries=[_GOLD])],
                )
            ]
        ),
        answers.StartAttemptResponse(attempt=_ACTIVE, leaderboard_id=BOARD),
        answers.ProgressResponse(
            attempt=_COMPLETED,
            leaderboard=parts.Standing(leaderboard_id=BOARD, rank=2, score=12230.0, is_personal_best=True),
            grants=[_PENDING],
        ),
        answers.LeaderboardResponse(
            leaderboard_id=BOARD,
            event_key=EVENT,
            window_id=_WEEK.id,
            finalized=False,
            total_players=2,
            entries=[_FIRST, _OWN],
            self_entry=_OWN,
        ),
        answers.PendingGrantsResponse(grants=[_PENDING]),
        answers.ClaimGrantResponse(grant=_CLAIMED),
        answers.OpenCrateResponse(crate=_OPENED, contents=_OUT_OF_CRATE),
        answers.LobbyResponse(
            lobby=parts.Lobby(
                id=LOBBY,
                event_key="arena",
                status="active",
                size=2,
                players=[
                    parts.LobbyPlayer(external_id=PLAYER, joined_at=_BEGUN),
                    parts.LobbyPlayer(external_id="nightjar", joined_at="2026-05-14T02:47:41.250Z"),
                ],
                bots=0,
                fills_at="2026-05-14T02:48:30.000Z",
                server=_SERVER,
            )
        ),
        answers.RegisterPlayerResponse(player=_REGISTERED, secret=SECRET),
        answers.InventoryListResponse(items=[_ITEM]),
        answers.ConsumeItemResponse(item=_ITEM),
        answers.WalletListResponse(wallet=[_WALLET]),
        answers.DebitWalletResponse(entry=_WALLET),
        answers.CatalogResponse(
            items=[parts.CatalogItem(item_key="medkit", name="Medkit", metadata={"heals": 25})],
            currencies=[parts.CatalogCurrency(economy_key="gold", name="Gold")],
            inventory_mode="platform",
        ),
        answers.ServerPlayerResponse(
            player=parts.KnownPlayer(external_id=PLAYER, created_at=_REGISTERED.created_at, registered=True),
            wallet=[_WALLET],
            inventory=[_ITEM],
            pending_grants=[_PENDING],
            runs=[
                parts.Run(
                    event_key=EVENT,
                    window_id=_WEEK.id,
                    leaderboard_id=BOARD,
                    attempts_used=1,
                    group=None,
                    segment=None,
                    attempt=_COMPLETED,
                )
            ],
            ledger=[_MOVEMENT],
        ),
        answers.LedgerResponse(ledger=[_MOVEMENT], next_cursor="17"),
        answers.ErrorResponse(
            error=answers.ErrorDetail(
                code="lobby_forming",
                message="the lobby is still forming; poll it until it is active, then start again",
                details={"lobbyId": LOBBY, "retryAfterMs": 2000},
            )
        ),
    )
}
_SCORED: Final = answers.LeaderboardStreamEvent(
    leaderboard_id=BOARD,
    external_id=PLAYER,
    score=12230.0,
    previous_score=9120.0,
    rank=2,
    occurred_at=_NOW,
)
STREAM: Final = (
    f'id: 1778727071000-0\nevent: ready\ndata: {{"leaderboardId":"{BOARD}","finalized":false}}\n\n'
    f"id: 1778727072408-0\nevent: score_update\ndata: {msgspec.json.encode(_SCORED).decode()}\n\n"
)
"""The beginning of a board's stream: `ready`, then a score."""


def example_of(kind: type[Any]) -> Any:
    """A whole answer of this kind, as JSON has it. Raises KeyError for a kind without an example."""
    return msgspec.to_builtins(_EXAMPLES[kind])
