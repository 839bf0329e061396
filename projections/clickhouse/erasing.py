"""Removes or changes rows for good. On large tables it takes minutes: parts are written again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from projections.clickhouse.client import identifier

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from projections.clickhouse.client import ClickHouse
    from projections.clickhouse.statements import Value

_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 2.0


async def erase(
    client: ClickHouse,
    where: Mapping[str, str],
    parameters: Mapping[str, Value],
    *,
    before_write: Callable[[], Awaitable[None]] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Remove the rows that meet each table's condition; return once no read finds them. Twice: nothing more.

    ClickHouse is told of one table after the other, in their order, and works on all at the same time. It
    goes on where this process dies, and no time limit of an answer ends it.
    """
    changes = {table: ("DELETE", which) for table, which in where.items()}
    await change(client, changes, parameters, before_write=before_write, sleep=sleep)


async def change(
    client: ClickHouse,
    changes: Mapping[str, tuple[str, str]],
    parameters: Mapping[str, Value],
    *,
    before_write: Callable[[], Awaitable[None]] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Change the rows that meet each table's condition, so that none meets it any more.

    A change is `DELETE` or `UPDATE …`, with its condition. For the rest it is as `erase`.
    """
    waiting = {
        table: f"SELECT count() FROM {identifier(table)} WHERE {which}"  # noqa: S608 - a condition of ours
        for table, (_, which) in changes.items()
    }
    for table, count in list(waiting.items()):
        if not (await client.rows(count, parameters))[0][0]:
            del waiting[table]
            continue
        if before_write is not None:
            await before_write()
        what, which = changes[table]
        await client.command(
            f"ALTER TABLE {identifier(table)} {what} WHERE {which} SETTINGS mutations_sync = 0",
            parameters,
        )
    for count in waiting.values():
        pause_s = _FIRST_PAUSE_S
        while (await client.rows(count, parameters))[0][0]:
            await sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
