"""The rows of one person in ClickHouse, found by what each noun declares of its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from projections.clickhouse.client import identifier
from schemas.persons import Handle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from projections.clickhouse.client import ClickHouse
    from projections.clickhouse.statements import Value
    from schemas.persons import Person, PersonalTable

PAGE_ROWS: Final = 10_000
_PLACES: Final = ("_partition", "_offset", "_version", "_index", "_point")
"""Columns that say where in the log a row is from: rows that come later are behind those that are there."""


def of_person(table: PersonalTable, person: Person) -> tuple[str, dict[str, Value]]:
    """The condition that the person's rows of a table meet, and its parameters. Pure.

    A studio's rows alone: another studio's person of the same id is another person.
    """
    parameters: dict[str, Value] = {"studio": person.studio_id}
    conditions = []

    def is_(column: str, value: str) -> str:
        placeholder = f"id{len(parameters)}"
        parameters[placeholder] = value
        return f"{identifier(column)} = {{{placeholder}:String}}"

    for column, identity in table.ids.items():
        conditions += [is_(column, name) for name in person.names(identity)]
        if identity == "handle":
            conditions += [
                f"({is_('game_id', one.game_id)} AND {is_(column, one.name)})" for one in person.handles
            ]
    return f"studio_id = {{studio:String}} AND ({' OR '.join(conditions)})", parameters


class PersonRows:
    """Reads of one database, as the service's own user. Raises ClickHouseError."""

    def __init__(self, client: ClickHouse, tables: Mapping[str, PersonalTable]) -> None:
        self._client = client
        self._tables = tables

    async def counts(self, person: Person) -> dict[str, int]:
        """How many rows of each declared table are the person's, in the order of the declaration."""
        return {table: await self._count(table, person) for table in self._tables}

    async def pages(self, table: str, person: Person) -> AsyncIterator[bytes]:
        """The person's rows of a table as JSON Lines, in pages that memory holds, in the log's order."""
        where, parameters = of_person(self._tables[table], person)
        order = await self._order(table)
        first = 0
        while True:
            page = await self._client.raw(
                f"SELECT * FROM {identifier(table)} WHERE {where} ORDER BY {order}"  # noqa: S608 - names of ours
                f" LIMIT {PAGE_ROWS} OFFSET {first}"
                " SETTINGS final = 1, output_format_json_quote_64bit_integers = 0 FORMAT JSONEachRow",
                parameters,
            )
            if not page:
                return
            yield page
            first += PAGE_ROWS

    async def values(self, table: str, column: str, person: Person) -> list[str]:
        """The different values of a column in the person's rows of a table."""
        where, parameters = of_person(self._tables[table], person)
        rows = await self._client.rows(
            f"SELECT DISTINCT {identifier(column)} FROM {identifier(table)}"  # noqa: S608 - names of ours
            f" WHERE {where} ORDER BY 1 SETTINGS final = 1",
            parameters,
        )
        return [str(value) for (value,) in rows]

    async def _count(self, table: str, person: Person) -> int:
        where, parameters = of_person(self._tables[table], person)
        rows = await self._client.rows(
            f"SELECT count() FROM {identifier(table)} WHERE {where} SETTINGS final = 1",  # noqa: S608 - names of ours
            parameters,
        )
        return int(rows[0][0])

    async def _order(self, table: str) -> str:
        """An order in which no two rows are equal: pages neither repeat a row nor leave one out."""
        rows = await self._client.rows(
            "SELECT name, is_in_sorting_key FROM system.columns"
            " WHERE database = currentDatabase() AND table = {table:String} ORDER BY position",
            {"table": table},
        )
        there = {name for name, _ in rows}
        key = [name for name, is_key in rows if is_key]
        return ", ".join(dict.fromkeys([*(name for name in _PLACES if name in there), *key]))


async def linked(
    client: ClickHouse, studio_id: str, identifier_: str
) -> tuple[tuple[Handle, ...], tuple[str, ...]]:
    """Handles that were linked to a device of that id, and devices linked to a handle of that name."""
    rows = await client.rows(
        "SELECT game_id, handle, device_id FROM tester_links FINAL WHERE studio_id = {studio:String}"
        " AND (device_id = {id:String} OR handle = {id:String}) ORDER BY game_id, handle, device_id",
        {"studio": studio_id, "id": identifier_},
    )
    handles = [Handle(str(game), str(handle)) for game, handle, _ in rows if handle != identifier_]
    devices = [str(device) for *_, device in rows if device != identifier_]
    return tuple(handles), tuple(dict.fromkeys(devices))
