"""Makes the rows of things that events have changed, of what the tables hold of them.

A stored row has everything up to its `_offset`: changes of records up to there are in it. So a batch that is
written twice, or by two writers, comes to the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from projections.clickhouse.statements import BesideRows
from projections.playtests.table_columns import COLUMNS, FRESH, KEYED, KEYS, LINKS
from projections.playtests.table_rows import Change, PersonGone

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse
    from projections.clickhouse.noun_tables import Rows

THINGS_PER_QUERY: Final = 1_000
Key = tuple[str, ...]
Stored = dict[Key, tuple[dict[str, Any], int]]
"""By key: the other columns, and the offset."""


async def changed_rows(
    client: ClickHouse, all_changes: Sequence[Change | PersonGone], ends: Mapping[int, int]
) -> Rows:
    """The rows of everything that changed, in the order of the tables' columns. Raises ClickHouseError."""
    del ends  # a row says by its own offset what is in it
    changes = [one for one in all_changes if isinstance(one, Change)]
    rows: Rows = {}
    for table in KEYED:
        own = [change for change in changes if change.table == table]
        if own:
            stored = await _stored(client, table, {change.key for change in own})
            rows[table] = rows_of(table, own, stored)
    forgotten = {change.key: change.offset for change in changes if change.forgets}
    for key, offset in forgotten.items():
        await _forget(client, key, offset)
    if LINKS in rows:
        rows[LINKS] = [row for row in rows[LINKS] if not _is_of(row, forgotten)]
    return rows


def rows_of(table: str, changes: Iterable[Change], stored: Stored) -> list[list[Any]]:
    """The rows of one table after its changes, which come in the log's order. Pure."""
    held: Stored = {}
    for change in changes:
        columns, offset = held.get(change.key) or stored.get(change.key) or (FRESH[table], -1)
        included = change.key in stored and change.offset <= stored[change.key][1]
        if not included:
            columns, offset = columns | change.columns, change.offset
        held[change.key] = (columns, offset)
    return [
        [*key, *(columns[name] for name in FRESH[table]), offset] for key, (columns, offset) in held.items()
    ]


async def _forget(client: ClickHouse, key: Key, offset: int) -> None:
    """Delete what a key's row said before, and the link of the handle it was redeemed under.

    The key's row as it is since then stays: written again, it would be taken for a repeat and be left out.
    """
    parameters: dict[str, str | int] = {**dict(zip(KEYED[KEYS], key, strict=True)), "offset": offset}
    of_batch = " AND ".join(f"{name} = {{{name}:String}}" for name in KEYED[KEYS][:3])
    for table, which in (
        (KEYS, "id = {id:String} AND _offset < {offset:UInt64}"),
        (LINKS, "key_id = {id:String} AND _offset <= {offset:UInt64}"),
    ):
        await client.command(
            f"ALTER TABLE {table} DELETE WHERE {of_batch} AND {which} SETTINGS mutations_sync = 2", parameters
        )


def _is_of(link: list[Any], forgotten: Mapping[Key, int]) -> bool:
    """Whether a link's row is of a key whose person was forgotten after it."""
    row = dict(zip(COLUMNS[LINKS], link, strict=True))
    key = (row["studio_id"], row["game_id"], row["batch_id"], row["key_id"])
    return bool(row["_offset"] <= forgotten.get(key, -1))


async def _stored(client: ClickHouse, table: str, keys: set[Key]) -> Stored:
    names, found = KEYED[table], Stored()
    columns = ", ".join(_read(name) for name in FRESH[table])
    sql = (
        f"SELECT {', '.join(names)}, {columns}, _offset FROM {table} FINAL"  # noqa: S608 - names of ours
        f" WHERE ({', '.join(names)}) IN wanted"
    )
    wanted = sorted(keys)
    for first in range(0, len(wanted), THINGS_PER_QUERY):
        some = [list(key) for key in wanted[first : first + THINGS_PER_QUERY]]
        beside = BesideRows("wanted", dict.fromkeys(names, "String"), some)
        for row in await client.rows(sql, beside=beside):
            key, values = tuple(row[: len(names)]), row[len(names) : -1]
            found[key] = (dict(zip(FRESH[table], values, strict=True)), int(row[-1]))
    return found


def _read(column: str) -> str:
    """A column as it is written again: times as text, integers beyond 53 bits as they are."""
    return f"toString({column})" if column.endswith("_at") else column
