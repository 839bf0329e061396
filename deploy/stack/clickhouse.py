"""ClickHouse for the embedded stack, as its supervisor sees it: the engine is loaded in its own process."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from deploy.private_files import write_private
from deploy.stack.program import ProgramSpec, http_ok
from projections.clickhouse.client import views_database
from projections.clickhouse.migrations import read
from projections.clickhouse.migrations import tenant_tables as tenant_tables_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


DATABASE: Final = "questlog"


def clickhouse_url(port: int, password: str) -> str:
    """How its owner reaches it: http://default:password@localhost:port."""
    return f"http://default:{password}@localhost:{port}"


def clickhouse_part(
    home: Path, port: int, password: str, *, database: str = DATABASE, tenant_tables: Iterable[str] = ()
) -> ProgramSpec:
    """ClickHouse on 127.0.0.1:port, data in `<home>/clickhouse/data`, users in `readers.json` beside.

    `password` is its owner's, who is called `default`. The users of that file read the tables of `database`
    and the further `tenant_tables` (`database.table`), and the views beside it, which they mean by default.
    """
    folder = (home / "clickhouse").absolute()
    secret = folder / "password"
    tables = [f"{database}.{table}" for table in tenant_tables_of(read())] + list(tenant_tables)

    def prepare() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        write_private(secret, password)

    async def ready() -> bool:
        return await http_ok(port, "/ping")

    return ProgramSpec(
        name="clickhouse",
        argv=[
            sys.executable,
            "-m",
            "deploy.stack.clickhouse_server",
            "--path",
            str(folder),
            "--port",
            str(port),
            "--password-file",
            str(secret),
            *("--database", views_database(database)),
            *("--database", database),
            *(word for table in tables for word in ("--tenant-table", table)),
        ],
        prepare=prepare,
        ready=ready,
        start_seconds=120,
        needs_space=False,
        stop_seconds=30,
    )
