"""Boards' streams in Redis: events for their subscribers. Implements `schemas.liveops.ports.BoardStreams`.

The projection adds to them in the script that moves the board, so a rank is the rank as of its write. The
blocking read takes a connection of its own for up to `block_ms`; cancelled, it closes that connection.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from projections.liveops.keys import stream_key
from projections.redis.client import AWAY
from projections.redis.stores import NounStores, Store, group_of
from schemas.edge.ports import StoreUnavailable
from schemas.liveops.ports import StreamEntry

START: Final = "0-0"
BLOCK_MS_MAX: Final = 1_500
"""Below the client's own patience (2 s)."""


class RedisBoardStreams:
    """Reads of one process. Raises StoreUnavailable while Redis is away or has no projection."""

    def __init__(self, store: Store) -> None:
        self._redis, self._name = store

    async def generation(self) -> str:
        """The generation that the pointer names."""
        try:
            held = await self._redis.get(f"generation:{self._name}")
        except AWAY as error:
            raise StoreUnavailable(f"Redis is away: {error}") from error
        if held is None:
            raise StoreUnavailable("the liveops projection is not ready")
        return held.decode() if isinstance(held, bytes) else held

    async def last_id(self, board_id: str) -> str:
        """The newest entry's id; `0-0` where there is none."""
        key = self._key(await self.generation(), board_id)
        reply = await self._ask("XREVRANGE", key, "+", "-", "COUNT", "1")
        return str(reply[0][0].decode()) if reply else START

    async def read(
        self, after: Mapping[str, str], *, block_ms: int, count: int = 500, generation: str = ""
    ) -> dict[str, list[StreamEntry]]:
        """For each board, entries after an id, oldest first; boards without any are left out."""
        if not after:
            return {}
        prefix = self._key(generation or await self.generation(), "")
        block = ("BLOCK", str(min(block_ms, BLOCK_MS_MAX))) if block_ms > 0 else ()
        keys = [prefix + board_id for board_id in after]
        reply = await self._ask("XREAD", "COUNT", str(count), *block, "STREAMS", *keys, *after.values())
        if not reply:
            return {}
        return {
            name.decode().removeprefix(prefix): [_entry(*entry) for entry in entries]
            for name, entries in reply
        }

    async def _ask(self, *command: str) -> Any:
        ask: Callable[..., Awaitable[Any]] = self._redis.execute_command
        try:
            return await ask(*command)
        except AWAY as error:
            raise StoreUnavailable(f"Redis is away: {error}") from error

    def _key(self, generation: str, board_id: str) -> str:
        return f"{self._name}:{generation}:{stream_key(board_id)}"


class RedisStreamStores:
    """Implements `schemas.liveops.ports.StreamStores`."""

    def __init__(self, stores: NounStores) -> None:
        self._all = tuple(RedisBoardStreams(store) for store in stores.all)

    def of(self, game_id: str) -> RedisBoardStreams:
        """The streams of a game's boards."""
        return self._all[group_of(game_id, len(self._all))]


def _entry(entry_id: bytes, fields: dict[bytes, bytes]) -> StreamEntry:
    rank = fields.get(b"r") or b""
    return StreamEntry(entry_id.decode(), fields[b"d"], int(rank) if rank else None)
