"""Lines of servers and builds from ClickHouse, page by page.

A page goes on right behind the last line of the one before: lines have one order, by time and, of one
millisecond, by their place in the log. Source: contract/fleet.md, "Logs and metrics".
"""

from __future__ import annotations

import base64
import binascii
import struct
from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.clickhouse.times import time_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.telemetry.queries.client import Queries
    from schemas.fleet.telemetry import Level

_TOKEN: Final = struct.Struct(">qHQI")
TOKEN_CHARACTERS: Final = 30
_COLUMNS: Final = (
    "toUnixTimestamp64Milli(at), instance_id, server_name, region, level, message, host_id, stream,"
    " _partition, _offset, _index"
)
_TIME: Final = "DateTime64(3, 'UTC')"


class LogPlace(msgspec.Struct, frozen=True, gc=False, order=True):
    """Where a line stands among all of a project's."""

    at_ms: int
    partition: int
    offset: int
    index: int

    @property
    def token(self) -> str:
        """The place as text for a URL."""
        packed = _TOKEN.pack(self.at_ms, self.partition, self.offset, self.index)
        return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def place_of(token: str) -> LogPlace | None:
    """The place that a token holds; None for what is no token."""
    if len(token) != TOKEN_CHARACTERS:
        return None
    try:
        place = LogPlace(*_TOKEN.unpack(base64.b64decode(token + "==", altchars=b"-_", validate=True)))
    except (binascii.Error, struct.error, UnicodeEncodeError, ValueError):
        return None
    return place if place.token == token else None


class LogLine(msgspec.Struct, frozen=True, gc=False):
    """A line of a server."""

    place: LogPlace
    instance_id: str
    server_name: str
    region: str
    level: Level
    message: str
    host_id: str
    stream: str


class LogFilter(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which of a project's lines are asked for; None leaves a bound or a filter out."""

    studio_id: str
    game_id: str
    since_ms: int
    until_ms: int | None = None
    """Included, as `since_ms` is."""
    after: LogPlace | None = None
    """In place of `since_ms`: what comes behind it."""
    instance_id: str | None = None
    level: Level | None = None
    text: str | None = None
    """Part of the message, in any case."""


class BuildLogLine(msgspec.Struct, frozen=True, gc=False):
    """A line about a build's processing."""

    at_ms: int
    level: Level
    step: str
    message: str


class FleetLogs:
    """Reads through one pool of connections. Every method raises StoreUnavailable."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def lines(self, wanted: LogFilter, limit: int) -> list[LogLine]:
        """The first `limit` lines, the oldest first."""
        where, parameters = _where(wanted)
        rows = await self._queries.query(
            f"SELECT {_COLUMNS} FROM fleet_logs FINAL WHERE {where}"  # noqa: S608 - constants of this file
            " ORDER BY at, _partition, _offset, _index LIMIT {limit:UInt32}",
            {**parameters, "limit": limit},
        )
        return [_line(row) for row in rows]

    async def newest(self, wanted: LogFilter, limit: int) -> list[LogLine]:
        """The last `limit` lines, the oldest of them first."""
        where, parameters = _where(wanted)
        rows = await self._queries.query(
            f"SELECT {_COLUMNS} FROM fleet_logs FINAL WHERE {where}"  # noqa: S608 - constants of this file
            " ORDER BY at DESC, _partition DESC, _offset DESC, _index DESC LIMIT {limit:UInt32}",
            {**parameters, "limit": limit},
        )
        return [_line(row) for row in reversed(rows)]

    async def build_lines(
        self, studio_id: str, game_id: str, build_id: str, *, limit: int, offset: int
    ) -> tuple[int, list[BuildLogLine]]:
        """How many lines a build has, and a page of them, the oldest first."""
        of_build = "studio_id = {studio:String} AND game_id = {game:String} AND build_id = {build:String}"
        parameters: dict[str, Any] = {"studio": studio_id, "game": game_id, "build": build_id}
        ((total,),) = await self._queries.query(
            f"SELECT count() FROM fleet_build_logs FINAL WHERE {of_build}",  # noqa: S608 - likewise
            parameters,
        )
        rows: Sequence[Sequence[Any]] = []
        if int(total) > offset:
            rows = await self._queries.query(
                "SELECT toUnixTimestamp64Milli(at), level, step, message FROM fleet_build_logs FINAL"  # noqa: S608 - likewise
                f" WHERE {of_build} ORDER BY attempt, number LIMIT {{limit:UInt32}} OFFSET {{offset:UInt64}}",
                {**parameters, "limit": limit, "offset": offset},
            )
        return int(total), [BuildLogLine(int(row[0]), row[1], row[2], row[3]) for row in rows]


def _where(wanted: LogFilter) -> tuple[str, dict[str, Any]]:
    """The condition of a query and its parameters."""
    conditions = ["studio_id = {studio:String}", "game_id = {game:String}"]
    parameters: dict[str, Any] = {"studio": wanted.studio_id, "game": wanted.game_id}
    if wanted.after is None:
        conditions.append(f"at >= {{since:{_TIME}}}")
        parameters["since"] = time_of(wanted.since_ms)
    else:
        conditions.append(
            f"at >= {{after:{_TIME}}} AND (at, _partition, _offset, _index)"
            f" > ({{after:{_TIME}}}, {{partition:UInt16}}, {{offset:UInt64}}, {{index:UInt32}})"
        )
        parameters |= {
            "after": time_of(wanted.after.at_ms),
            "partition": wanted.after.partition,
            "offset": wanted.after.offset,
            "index": wanted.after.index,
        }
    if wanted.until_ms is not None:
        conditions.append(f"at <= {{until:{_TIME}}}")
        parameters["until"] = time_of(wanted.until_ms)
    for name, value, condition in (
        ("instance", wanted.instance_id, "instance_id = {instance:String}"),
        ("level", wanted.level, "level = {level:String}"),
        ("text", wanted.text, "positionCaseInsensitiveUTF8(message, {text:String}) > 0"),
    ):
        if value is not None:
            conditions.append(condition)
            parameters[name] = value
    return " AND ".join(conditions), parameters


def _line(row: Sequence[Any]) -> LogLine:
    at_ms, instance_id, server_name, region, level, message, host_id, stream, *place = row
    where = LogPlace(int(at_ms), *map(int, place))
    return LogLine(where, instance_id, server_name, region, level, message, host_id, stream)
