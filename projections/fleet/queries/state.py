"""What is read of the fleet in Redis: implements `schemas.fleet.ports`.

What is asked in one turn of the event loop goes to Redis in one call. Raises StoreUnavailable.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from projections.fleet import keys
from projections.fleet.projection import STOPPED_KEPT_MS
from projections.redis.read_batches import ReadBatches
from schemas.fleet.host_views import Host
from schemas.fleet.ports import DueRow, Given, GivenRow, Page, ServerFilter
from schemas.fleet.states import STATUSES
from schemas.fleet.views import Build, BuildStatus, Server, Settings

if TYPE_CHECKING:
    from redis.asyncio import Redis

RowT = TypeVar("RowT")
_NEVER: Final = -1
_given: Final = msgspec.msgpack.Decoder(GivenRow)
_server: Final = msgspec.msgpack.Decoder(Server)
_build: Final = msgspec.msgpack.Decoder(Build)
_host: Final = msgspec.msgpack.Decoder(Host)
_settings: Final = msgspec.msgpack.Decoder(Settings)
_LISTED: Final[tuple[BuildStatus, ...]] = ("uploading", "processing", "ready", "failed")
"""What of builds is listed where no status is asked for."""


class FleetQueries:
    """One per event loop."""

    def __init__(self, redis: Redis) -> None:
        self._read = ReadBatches(redis, keys.NOUN).read

    async def server(self, instance_id: str, now_ms: int) -> Server | None:
        """A server of whichever project; None once it has been stopped for 7 days."""
        (value,) = await self._read(("get", keys.server_key(instance_id), "", ""))
        return None if value is None else _kept(_server.decode(value), now_ms)

    async def given(self, lobby_id: str, now_ms: int) -> Given | None:
        """What a live-ops lobby was given, and the server as it is now."""
        (value,) = await self._read(("get", keys.lobby_key(lobby_id), "", ""))
        if value is None:
            return None
        row = _given.decode(value)
        return Given(row, await self.server(row.instance_id, now_ms) if row.instance_id else None)

    async def servers(self, wanted: ServerFilter, now_ms: int) -> Page[Server]:
        """A page of a project's servers, newest first, and how many match."""
        owner = keys.project(wanted.studio_id, wanted.game_id)
        if wanted.match_id is not None:
            return await self._of_match(owner, wanted, now_ms)
        pools = ("", keys.POOL) if wanted.include_pool else ("",)
        listed = [
            keys.servers_key(owner, status + pool, wanted.region)
            for status in wanted.statuses
            for pool in pools
        ]
        total, values = await self._newest(listed, "server:", wanted.limit, wanted.offset, now_ms)
        return Page(total=total, rows=[_server.decode(value) for value in values])

    async def _of_match(self, owner: str, wanted: ServerFilter, now_ms: int) -> Page[Server]:
        match = keys.match_key(owner, wanted.match_id or "")
        (rows,) = await self._read(
            ("newest", match, "0", _newest_of(keys.MATCH_SERVERS_MAX, "server:", match, _NEVER))
        )
        found = [server for value in rows[2::2] if value is not None for server in [_server.decode(value)]]
        shown = [server for server in found if _matches(server, wanted) and _kept(server, now_ms) is not None]
        return Page(total=len(shown), rows=shown[wanted.offset : wanted.offset + wanted.limit])

    async def build(self, build_id: str) -> Build | None:
        """A build of whichever project, a deleted one too."""
        (value,) = await self._read(("get", keys.build_key(build_id), "", ""))
        return None if value is None else _build.decode(value)

    async def builds(
        self,
        studio_id: str,
        game_id: str,
        *,
        name: str | None,
        status: BuildStatus | None,
        limit: int,
        offset: int,
    ) -> Page[Build]:
        """A page of a project's builds, newest first, and how many match; deleted ones only by status."""
        owner = keys.project(studio_id, game_id)
        listed = [keys.builds_key(owner, one, name) for one in ((status,) if status is not None else _LISTED)]
        total, values = await self._newest(listed, "build:", limit, offset, _NEVER)
        return Page(total=total, rows=[_build.decode(value) for value in values])

    async def settings(self, studio_id: str, game_id: str) -> Settings:
        """A project's settings; the defaults where none were ever set."""
        (value,) = await self._read(("get", keys.settings_key(keys.project(studio_id, game_id)), "", ""))
        return Settings() if value is None else _settings.decode(value)

    async def ready(self) -> None:
        """Return where the reads can be answered at all."""
        await self._read(("count", keys.DUES, "", ""))

    async def hosts(self) -> list[Host]:
        """Every host that ever joined, by id."""
        (flat,) = await self._read(("hgetall", keys.HOSTS, "", ""))
        return sorted((_host.decode(value) for value in flat[1::2]), key=lambda host: host.id)

    async def dues(self, now_ms: int, limit: int) -> list[DueRow]:
        """What is due, the longest due first."""
        return await self._waiting(keys.DUES, now_ms, limit)

    async def uploads(self, now_ms: int, limit: int) -> list[DueRow]:
        """Builds that wait for an upload to be processed without a call, by when they were created."""
        return await self._waiting(keys.UPLOADS, now_ms, limit)

    async def _waiting(self, listed: str, until_ms: int, limit: int) -> list[DueRow]:
        (flat,) = await self._read(("until", listed, str(until_ms), str(limit)))
        rows = []
        for member, due_at_ms in zip(flat[::2], flat[1::2], strict=True):
            kind, studio_id, game_id, identifier = member.decode().split("/", 3)
            rows.append(DueRow(kind, studio_id, game_id, identifier, int(float(due_at_ms))))
        return rows

    async def _newest(
        self, listed: Sequence[str], rows: str, limit: int, offset: int, now_ms: int
    ) -> tuple[int, list[bytes]]:
        """Of several lists together: how many rows, and `limit` of them after `offset`, the newest first.

        Of one list just those are read; of several, each from its beginning.
        """
        one = len(listed) == 1
        start, most = (offset, limit) if one else (0, offset + limit)
        answers = await self._read(
            *(("newest", key, str(start), _newest_of(most, rows, key, now_ms)) for key in listed)
        )
        total = sum(answer[0] for answer in answers)
        merged = heapq.merge(*(_pairs(answer) for answer in answers), key=_member, reverse=True)
        values = [value for _, value in merged if value is not None]
        return total, values[:limit] if one else values[offset : offset + limit]


def _newest_of(most: int, rows: str, listed: str, now_ms: int) -> str:
    """The last argument of a request for the newest of a list."""
    return "\0".join((str(most), rows, keys.stops_key(listed), str(now_ms - STOPPED_KEPT_MS)))


def _pairs(answer: list[Any]) -> list[tuple[bytes, bytes | None]]:
    return list(zip(answer[1::2], answer[2::2], strict=True))


def _member(pair: tuple[bytes, bytes | None]) -> bytes:
    return pair[0]


def _kept(server: Server, now_ms: int) -> Server | None:
    """The server, unless it was stopped too long ago: Redis' clock lets it go within the same second."""
    gone = server.stopped_at_ms is not None and server.stopped_at_ms + STOPPED_KEPT_MS <= now_ms
    return None if gone else server


def _matches(server: Server, wanted: ServerFilter) -> bool:
    unclaimed = server.is_pool_server and server.pool_claimed_at_ms is None
    return (
        server.match_id == wanted.match_id
        and STATUSES[server.phase] in wanted.statuses
        and (wanted.region is None or server.region == wanted.region)
        and (wanted.include_pool or not unclaimed)
    )
