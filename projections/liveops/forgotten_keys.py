"""What Redis holds of a forgotten player under names that don't follow from their id alone: it is looked for.

Runs go; a place on a board and in a lobby stays, under the pseudonym. The player's partition alone sets runs
and places on boards, an event's alone its lobbies: each forgets its own, at its own record.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, cast

import msgspec
from redis.asyncio import Redis

from projections.liveops import keys
from projections.redis.operations import (
    Operation,
    delete,
    delete_field,
    delete_score,
    expire_as,
    set_field,
    set_score,
)
from schemas.envelope import Decided
from schemas.liveops.events import PlayerForgotten

SCANNED_AT_ONCE: Final = 1_000
_GLOB: Final = re.compile(r"([*?\[\]\\^])")


class _OfGame(msgspec.Struct):
    """Of the row of a board or a lobby: whose it is."""

    game_id: str


_row: Final = msgspec.msgpack.Decoder(_OfGame)


async def look_up(redis: Redis, prefix: str, _decided: Decided, messages: Sequence[Any]) -> list[Operation]:
    """The operations that a record's forgotten players need beside those of their own keys."""
    operations: list[Operation] = []
    for message in messages:
        if isinstance(message, PlayerForgotten):
            if message.was_known:
                operations += await _runs(redis, prefix, message)
                operations += await _places(redis, prefix, message)
            if message.was_in_windows:
                operations += await _lobbies(redis, prefix, message)
    return operations


async def _runs(redis: Redis, prefix: str, event: PlayerForgotten) -> list[Operation]:
    own = keys.run_key(event.game_id, event.external_id, "", "").removesuffix("/")
    # Another player's id may begin with this one and a slash: two names are all that follows.
    return [
        delete(name)
        async for some in _names(redis, prefix, _GLOB.sub(r"\\\1", own) + "*")
        for name in some
        if name.removeprefix(own).count("/") == 1
    ]


async def _places(redis: Redis, prefix: str, event: PlayerForgotten) -> list[Operation]:
    operations: list[Operation] = []
    field = keys.who(event.external_id)
    async for name, held in _with_field(redis, prefix, keys.members_key(""), field):
        board_id = name.removeprefix(keys.members_key(""))
        if not await _is_of(redis, prefix + keys.board_key(board_id), event.game_id):
            continue
        entries = keys.entries_key(board_id)
        before = held.decode()
        score: float | None = await redis.zscore(prefix + entries, before)
        achieved_at_ms, _, _ = keys.read_place(before)
        after = keys.place(achieved_at_ms, event.pseudonym)
        if score is not None:
            operations += (set_score(entries, score, after), delete_score(entries, before))
        operations += (
            set_field(name, keys.who(event.pseudonym), after),
            delete_field(name, field),
            expire_as(entries, keys.board_key(board_id)),
            expire_as(name, keys.board_key(board_id)),
        )
    return operations


async def _lobbies(redis: Redis, prefix: str, event: PlayerForgotten) -> list[Operation]:
    operations: list[Operation] = []
    field = keys.lobby_field(event.external_id)
    async for name, held in _with_field(redis, prefix, keys.lobby_key(""), field):
        if await _is_of(redis, prefix + name, event.game_id):
            operations += (
                set_field(name, keys.lobby_field(event.pseudonym), held),
                delete_field(name, field),
            )
    return operations


async def _names(redis: Redis, prefix: str, pattern: str) -> AsyncIterator[list[str]]:
    """The relative names of keys, some at a time, each once."""
    cursor, seen = 0, set[str]()
    while True:
        answer = await redis.scan(cursor, match=prefix + pattern, count=SCANNED_AT_ONCE)
        cursor, found = cast("tuple[int, list[bytes]]", answer)
        fresh = {key.decode().removeprefix(prefix) for key in found} - seen
        seen |= fresh
        if fresh:
            yield sorted(fresh)
        if not cursor:
            return


async def _with_field(redis: Redis, prefix: str, kind: str, field: str) -> AsyncIterator[tuple[str, bytes]]:
    """The hashes of a kind that have a field, with what it holds."""
    async for some in _names(redis, prefix, f"{kind}*"):
        pipeline = redis.pipeline(transaction=False)
        for name in some:
            pipeline.execute_command("HGET", prefix + name, field)
        answers: list[bytes | None] = await pipeline.execute()
        for name, held in zip(some, answers, strict=True):
            if held is not None:
                yield name, held


async def _is_of(redis: Redis, key: str, game_id: str) -> bool:
    row: Any = await redis.hget(key, "row")
    return row is not None and _row.decode(row).game_id == game_id
