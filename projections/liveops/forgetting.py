"""Forgets players in the tables: their rows stay under a pseudonym, without what was said of them.

A partition's record is about what came before it in the partition, whose rows are all there by then, and
nothing of the player comes after it: so live tables and rebuilt ones have the same left. New rows are written
before old ones go, each under its own key, so that a repeat after a crash changes nothing.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.clickhouse.erasing import change
from projections.liveops.table_rows import (
    COLUMNS,
    EVENTS_TABLE,
    FINAL_ENTRIES,
    LEDGER,
    SCORES,
    PlayerGone,
)
from schemas.liveops.event_windows import BoardChunkFinalized, LobbyActivated

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from projections.clickhouse.client import ClickHouse
    from projections.clickhouse.statements import Value

PAGE_ROWS: Final = 20_000
_PLACE: Final = "_offset, _index"
_OWN: Final = "game_id = {game:String} AND external_id = {player:String}"
_HERE: Final = "_partition = {partition:UInt16}"
_OF_OTHERS: Final = (
    f"game_id = {{game:String}} AND external_id = '' AND {_HERE} AND position(data, {{named:String}}) > 0"
    f" AND event IN ('{BoardChunkFinalized.WIRE}', '{LobbyActivated.WIRE}')"
)
"""The events that have the player in a list."""
_FROZEN: Final = (
    "game_id = {game:String} AND external_id = {player:String} AND NOT is_bot"
    " AND board_id IN {boards:Array(String)}"
)
_KEPT: Final = {"external_id": "{pseudonym:String}", "reason": "''"}
"""What takes a column's place."""
_encode: Final = msgspec.json.Encoder().encode


async def forget(client: ClickHouse, changes: Sequence[Any]) -> None:
    """Forget the players of whom a batch's records say so, in the rows of their partitions."""
    for one in changes:
        if isinstance(one, PlayerGone):
            await _forget(client, one)


async def _forget(client: ClickHouse, gone: PlayerGone) -> None:
    parameters: dict[str, Value] = {
        "game": gone.game_id,
        "player": gone.external_id,
        "pseudonym": gone.pseudonym,
        "partition": gone.partition,
        "named": _named(gone.external_id),
        "renamed": _named(gone.pseudonym),
        "boards": await _boards(client, gone),
    }
    conditions = {EVENTS_TABLE: f"{_OWN} AND {_HERE}", SCORES: f"{_OWN} AND {_HERE}"}
    if gone.was_known:  # a ledger is in the player's own partition alone
        conditions[LEDGER] = _OWN
        await _copy(client, LEDGER, _OWN, "number", parameters)
        await _copy(client, SCORES, conditions[SCORES], _PLACE, parameters)
    await _copy_events(client, conditions[EVENTS_TABLE], parameters)
    renaming = {
        FINAL_ENTRIES: ("UPDATE external_id = {pseudonym:String}", _FROZEN),
        EVENTS_TABLE: ("UPDATE data = replaceAll(data, {named:String}, {renamed:String})", _OF_OTHERS),
    }
    await change(client, renaming, parameters)
    await change(client, {table: ("DELETE", which) for table, which in conditions.items()}, parameters)


async def _boards(client: ClickHouse, gone: PlayerGone) -> list[str]:
    """The boards of which this partition has frozen ranks with the player, by its events.

    Their events are renamed only after the ranks: after a crash between the two they are found again.
    """
    rows = await client.rows(
        "SELECT DISTINCT JSONExtractString(data, 'board_id') FROM liveops_events"  # noqa: S608 - constants of ours
        f" WHERE {_OF_OTHERS} AND event = '{BoardChunkFinalized.WIRE}'",
        {"game": gone.game_id, "partition": gone.partition, "named": _named(gone.external_id)},
    )
    return sorted(str(board_id) for (board_id,) in rows)


async def _copy(client: ClickHouse, table: str, where: str, order: str, parameters: dict[str, Value]) -> None:
    """Write the player's rows again under the pseudonym."""
    columns = COLUMNS[table]
    chosen = ", ".join(_KEPT.get(column, column) for column in columns)

    async def read(first: int) -> bytes:
        return await client.raw(
            f"SELECT {chosen} FROM {table} FINAL WHERE {where} ORDER BY {order}"  # noqa: S608 - names of ours
            f" LIMIT {PAGE_ROWS} OFFSET {first} FORMAT RowBinary",
            parameters,
        )

    await _insert_pages(client, table, "RowBinary", read)


async def _copy_events(client: ClickHouse, where: str, parameters: dict[str, Value]) -> None:
    columns = COLUMNS[EVENTS_TABLE]
    data, player = columns.index("data"), columns.index("external_id")
    pseudonym = str(parameters["pseudonym"])

    async def read(first: int) -> bytes:
        rows = await client.rows(
            f"SELECT {', '.join(columns)} FROM {EVENTS_TABLE} FINAL WHERE {where}"  # noqa: S608 - names of ours
            f" ORDER BY {_PLACE} LIMIT {PAGE_ROWS} OFFSET {first}",
            parameters,
        )
        for row in rows:
            row[data], row[player] = without_person(row[data], pseudonym), pseudonym
        return b"\n".join(map(_encode, rows))

    await _insert_pages(client, EVENTS_TABLE, "JSONCompactEachRow", read)


async def _insert_pages(
    client: ClickHouse, table: str, form: str, read: Callable[[int], Awaitable[bytes]]
) -> None:
    """Insert the pages that `read` gives of a row's number, until one is empty."""
    first = 0
    while page := await read(first):
        await client.insert(table, COLUMNS[table], page, form=form, token=_token(table, page))
        first += PAGE_ROWS


def without_person(data: str, pseudonym: str) -> str:
    """A player's event as JSON, without what tells whose it is or was said of them. Pure."""
    fields = msgspec.json.decode(data, type=dict[str, Any])
    fields["external_id"] = pseudonym
    if "player_context" in fields:
        fields["player_context"] = {}
    movement = fields.get("movement")
    if isinstance(movement, dict) and "reason" in movement:
        movement["reason"] = ""
    return _encode(fields).decode()


def _named(external_id: str) -> str:
    """How a player stands in an event's JSON."""
    return f'"external_id":{_encode(external_id).decode()}'


def _token(table: str, body: bytes) -> str:
    return hashlib.sha256(table.encode() + b"\0" + body).hexdigest()
