"""One player's state in Redis, and lobbies. Implements `schemas.liveops.ports.PlayerReads`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from projections.liveops import keys
from projections.liveops.read_base import BatchedReads, fields_of
from schemas.liveops.event_windows import LobbyStatus
from schemas.liveops.ports import HoldingRow, LedgerRow, LobbyRow, PlayerRow, RunRow
from schemas.liveops.views import Attempt, Grant

_player: Final = msgspec.msgpack.Decoder(PlayerRow)
_holding: Final = msgspec.msgpack.Decoder(HoldingRow)
_grant: Final = msgspec.msgpack.Decoder(Grant)
_ledger: Final = msgspec.msgpack.Decoder(LedgerRow)
_attempt: Final = msgspec.msgpack.Decoder(Attempt)
_joined: Final = msgspec.msgpack.Decoder(tuple[int, int])


class _Started(msgspec.Struct, frozen=True):
    used: int
    group: int | None
    segment: str


class _LobbyStatic(msgspec.Struct, frozen=True):
    game_id: str
    event_key: str
    window_id: str
    size: int
    fills_at_ms: int


class PlayerQueries(BatchedReads):
    """See the Protocol."""

    async def player(self, game_id: str, external_id: str) -> PlayerRow | None:
        """None for an unknown player."""
        (row,) = await self._read(
            game_id, ("hget", keys.player_key("player", game_id, external_id), "row", "")
        )
        return None if row is None else _player.decode(row)

    async def forgotten(self, game_id: str, partitions: int) -> list[frozenset[str]]:
        """The pseudonyms of a game's forgotten players, by partition."""
        answers = await self._read(
            game_id,
            *(
                ("smembers", keys.forgotten_key(game_id, partition), "", "")
                for partition in range(partitions)
            ),
        )
        return [frozenset(member.decode() for member in members) for members in answers]

    async def runs(
        self, game_id: str, external_id: str, windows: Sequence[tuple[str, str]]
    ) -> list[RunRow | None]:
        """The player's run in each (event key, window id), in that order; None where there was no start."""
        if not windows:
            return []
        answers = await self._read(
            game_id,
            *(
                ("hgetall", keys.run_key(game_id, external_id, event_key, window_id), "", "")
                for event_key, window_id in windows
            ),
        )
        return [
            _run(fields_of(flat), event_key, window_id)
            for flat, (event_key, window_id) in zip(answers, windows, strict=True)
        ]

    async def wallet(self, game_id: str, external_id: str) -> list[HoldingRow]:
        """Every balance the player has touched, zero ones included, by key."""
        return await self._holdings("wallet", game_id, external_id)

    async def inventory(self, game_id: str, external_id: str) -> list[HoldingRow]:
        """What the player holds, by key."""
        return await self._holdings("items", game_id, external_id)

    async def _holdings(self, kind: str, game_id: str, external_id: str) -> list[HoldingRow]:
        (flat,) = await self._read(game_id, ("hgetall", keys.player_key(kind, game_id, external_id), "", ""))
        return sorted((_holding.decode(value) for value in flat[1::2]), key=lambda row: row.key)

    async def pending_grants(self, game_id: str, external_id: str) -> list[Grant]:
        """Unclaimed grants, newest first; the caller leaves out what `grant_status` says is expired."""
        (flat,) = await self._read(
            game_id, ("hgetall", keys.player_key("grants", game_id, external_id), "", "")
        )
        grants = [_grant.decode(value) for value in flat[1::2]]
        return sorted(grants, key=lambda grant: (grant.created_at_ms, grant.id), reverse=True)

    async def ledger_head(self, game_id: str, external_id: str) -> list[LedgerRow]:
        """The newest movements (up to `LEDGER_HEAD`), newest first. Older ones are in ClickHouse."""
        (flat,) = await self._read(
            game_id, ("hgetall", keys.player_key("ledger", game_id, external_id), "", "")
        )
        rows = [_ledger.decode(value) for value in flat[1::2]]
        return sorted(rows, key=lambda row: row.movement.number, reverse=True)

    async def lobby(self, game_id: str, lobby_id: str) -> LobbyRow | None:
        """By id, looked for where the game's are: the caller compares `game_id`."""
        (flat,) = await self._read(game_id, ("hgetall", keys.lobby_key(lobby_id), "", ""))
        fields = fields_of(flat)
        if "row" not in fields:
            return None
        static = msgspec.msgpack.decode(fields["row"], type=_LobbyStatic)
        places = sorted(
            (_joined.decode(value), name.removeprefix("p:"))
            for name, value in fields.items()
            if name.startswith("p:")
        )
        return LobbyRow(
            id=lobby_id,
            game_id=static.game_id,
            event_key=static.event_key,
            window_id=static.window_id,
            status=_lobby_status(fields["status"]),
            size=static.size,
            players=[(external_id, joined_at_ms) for (_, joined_at_ms), external_id in places],
            bots=int(fields.get("bots", b"0")),
            fills_at_ms=static.fills_at_ms,
            server_region=fields.get("server", b"").decode(),
        )


def _lobby_status(value: bytes) -> LobbyStatus:
    status: LobbyStatus = msgspec.convert(value.decode(), LobbyStatus)
    return status


def _run(fields: dict[str, bytes], event_key: str, window_id: str) -> RunRow | None:
    if "started" not in fields or "attempt" not in fields:
        return None
    started = msgspec.msgpack.decode(fields["started"], type=_Started)
    return RunRow(
        event_key=event_key,
        window_id=window_id,
        attempts_used=started.used,
        attempt=_attempt.decode(fields["attempt"]),
        group=started.group,
        segment=started.segment,
        done_lobby_id=fields.get("done", b"").decode(),
    )
