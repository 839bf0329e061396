"""Two studios for analysts: the history of stu_1, and all of it again for stu_2 under the same ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from projections.clickhouse.client import ClickHouse
from projections.clickhouse.migrations import read, tenant_tables
from tests.deploy.analysts_world import DATABASE, History, write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

_histories: dict[str, History] = {}
"""By the URL of the ClickHouse that holds it."""


async def twins(
    url: str, home: Path, accounts: Sequence[tuple[str, str]] = ()
) -> AsyncIterator[tuple[ClickHouse, History]]:
    """The owner's client and what was written of each studio; `accounts` are made with it."""
    owner = ClickHouse(url, DATABASE)
    anywhere = ClickHouse(url, "default")
    written = await anywhere.rows(f"SELECT 1 FROM system.databases WHERE name = '{DATABASE}'")
    await anywhere.close()
    if not written:
        filler, _histories[url] = await write(url, home, accounts)
        for table in tenant_tables(read()):
            told = await columns(owner, table)
            replaced = "'stu_2' AS studio_id" + (", 'game_2' AS game_id" if "game_id" in told else "")
            names = ", ".join(told)
            await owner.command(
                f"INSERT INTO {table} ({names}) SELECT {names} FROM"
                f" (SELECT * REPLACE ({replaced}) FROM"
                f" (SELECT * FROM {table} WHERE studio_id = 'stu_1'))"
            )
        await filler.close()
    yield owner, _histories[url]
    await owner.close()


async def columns(owner: ClickHouse, table: str) -> list[str]:
    """Those of a table that rows are written with."""
    found = await owner.rows(
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String}"
        " AND default_kind NOT IN ('MATERIALIZED', 'ALIAS')",
        {"table": table},
    )
    return [str(name) for (name,) in found]
