"""Sums over a table's rows, by which two tables are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse


class TableSum(msgspec.Struct, frozen=True):
    """A table's rows and a checksum over them that does not depend on their order."""

    rows: int
    checksum: int


async def checksum(client: ClickHouse, table: str, columns: str = "*", where: str = "1") -> TableSum:
    """Rows and checksum of a table; its name may be followed by FINAL. All three are constants of a plan."""
    # A tuple: the hash of a bare NULL is NULL, and a sum leaves that row out.
    rows: list[list[Any]] = await client.rows(
        f"SELECT count(), toString(sum(cityHash64(tuple({columns})))) FROM {table} WHERE {where}"  # noqa: S608
    )
    return TableSum(int(rows[0][0]), int(rows[0][1]))
