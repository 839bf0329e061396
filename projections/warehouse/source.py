"""What an export asks ClickHouse: which views there are, what each hour of them holds, files of their rows.

It asks as the deployment itself, for the rows of one studio by a condition on `studio_id`, which every view
has; views resolve FINAL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.clickhouse.client import identifier
from projections.warehouse.plan import HOUR_MS, Hour, digest_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from projections.clickhouse.client import ClickHouse
    from projections.warehouse.manifest import Positions
    from projections.warehouse.plan import Part

LEFT_OUT: Final = frozenset({"player_timeline"})
"""Its rows are those of other views again."""
KEPT_DAYS: Final = {"server_logs": 7, "server_metrics": 30}
"""Views of tables that forget rows so many days after their `at`."""
HOURS_MAX: Final = 250_000
"""Hours of a view in one export: 28 years of them."""
_TIME: Final = "DateTime64(3, 'UTC')"
_WIDE: Final = frozenset({"Int128", "UInt128", "Int256", "UInt256"})
"""Integers that Parquet has no type for. What amounts come to fits a decimal of 38 digits."""
_PARQUET: Final = {
    "output_format_parquet_compression_method": "zstd",
    "output_format_parquet_row_group_size": "250000",
    "output_format_parquet_row_group_size_bytes": str(64 << 20),
    "output_format_parquet_string_as_string": "1",
    "output_format_parquet_datetime_as_uint32": "0",
}
_ROW_HASH: Final = "cityHash64(tuple(*))"


class ViewColumn(msgspec.Struct, frozen=True):
    """A column of a view, as ClickHouse tells."""

    name: str
    type: str
    comment: str


class View(msgspec.Struct, frozen=True):
    """A view, its comment and its columns in order."""

    name: str
    comment: str
    columns: tuple[ViewColumn, ...]

    @property
    def timed(self) -> bool:
        """Whether its rows have a time, by which they are of a day."""
        return any(column.name == "at" and column.type == _TIME for column in self.columns)

    @property
    def schema(self) -> str:
        """A text that follows from the columns."""
        return digest_of(f"{column.name} {column.type}" for column in self.columns)


class Source:
    """Reads the views of a client's deployment."""

    def __init__(self, client: ClickHouse) -> None:
        self._client = client

    async def views(self) -> list[View]:
        """The views of studios' rows, by name."""
        rows = await self._client.rows(
            "SELECT t.name, any(t.comment), arraySort(groupArray((c.position, c.name, c.type, c.comment)))"
            " FROM (SELECT name, comment FROM system.tables WHERE database = {views:String}) AS t"
            " JOIN (SELECT table, position, name, type, comment FROM system.columns"
            " WHERE database = {views:String}) AS c ON c.table = t.name GROUP BY t.name ORDER BY t.name",
            {"views": self._client.views.database},
        )
        found = [
            View(str(name), str(comment), tuple(ViewColumn(*told) for _, *told in columns))
            for name, comment, columns in rows
        ]
        return [
            view
            for view in found
            if view.name not in LEFT_OUT and any(column.name == "studio_id" for column in view.columns)
        ]

    async def positions(self) -> Positions:
        """How far the tables have come in each topic."""
        rows = await self._client.system.rows(
            "SELECT topic, partition, next_offset FROM reader_positions FINAL ORDER BY topic, partition"
        )
        found: Positions = {}
        for topic, partition, offset in rows:
            found.setdefault(str(topic), {})[str(partition)] = int(offset)
        return found

    async def hours(self, view: View, studio_id: str, begin: int, end: int) -> list[Hour]:
        """What the hours from `begin` to before `end` (unix hours) hold, those that hold anything.

        Of a view without time its one hour 0 holds all.
        """
        hour = f"toInt64(floor(toUnixTimestamp64Milli(at) / {HOUR_MS}))" if view.timed else "0"
        rows: list[list[Any]] = await self._client.views.rows(
            f"SELECT {hour} AS hour, count(), sum(byteSize(tuple(*))), sum({_ROW_HASH})"  # noqa: S608 - names of columns and views
            f" FROM {identifier(view.name)} WHERE {_condition(view)} GROUP BY hour ORDER BY hour"
            f" LIMIT {HOURS_MAX + 1}",
            {"studio": studio_id, "begin": begin * HOUR_MS, "end": end * HOUR_MS},
        )
        return [Hour(int(at), int(count), int(size), int(checksum)) for at, count, size, checksum in rows]

    def parquet(self, view: View, studio_id: str, part: Part) -> AsyncIterator[bytes]:
        """A file's bytes in pieces. Raises ClickHouseAway or ClickHouseRefused, also after pieces."""
        columns = ", ".join(
            f"toDecimal128({name}, 0) AS {name}" if wide else name
            for name, wide in ((identifier(one.name), one.type in _WIDE) for one in view.columns)
        )
        piece = f" AND {_ROW_HASH} % {part.pieces} = {part.piece}" if part.pieces > 1 else ""
        return self._client.views.stream(
            f"SELECT {columns} FROM (SELECT * FROM {identifier(view.name)}"  # noqa: S608 - names of columns and views
            f" WHERE {_condition(view)}{piece}) FORMAT Parquet",
            {"studio": studio_id, "begin": part.begin * HOUR_MS, "end": part.end * HOUR_MS},
            _PARQUET,
        )


def _condition(view: View) -> str:
    if not view.timed:
        return "studio_id = {studio:String}"
    return (
        "studio_id = {studio:String}"
        " AND at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC')"
        " AND at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')"
    )
