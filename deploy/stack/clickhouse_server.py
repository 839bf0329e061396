"""`python -m deploy.stack.clickhouse_server`: chDB behind ClickHouse's HTTP protocol.

A crash at any moment leaves every insert there whole or not at all (MergeTree parts appear by rename).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import uvicorn

from deploy.http_protocol import BoundedProtocol
from deploy.stack.clickhouse_access import write_access
from deploy.stack.clickhouse_catalogue import make_catalogue
from deploy.stack.clickhouse_engine import ChdbEngine
from deploy.stack.clickhouse_http import ClickHouseHttp
from deploy.stack.clickhouse_readers import Owner, Readers
from deploy.stack.clickhouse_space import watch_space


def main() -> None:
    """Open the engine, serve until SIGTERM, close the engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", type=Path, required=True)
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--password-file", type=Path, required=True, help="holds the owner's password")
    parser.add_argument(
        "--tenant-table", action="append", default=[], help="database.table with a studio_id (repeatable)"
    )
    parser.add_argument(
        "--database",
        action="append",
        required=True,
        help="what readers see; a statement is by default about the first that there is (repeatable)",
    )
    arguments = parser.parse_args()
    arguments.path.mkdir(parents=True, exist_ok=True)
    tables = frozenset(arguments.tenant_table)
    engine = ChdbEngine(arguments.path / "data", write_access(arguments.path / "access", tables))
    make_catalogue(engine)
    owner = Owner(arguments.password_file.read_text(encoding="ascii").strip())
    readers = Readers(arguments.path / "readers.json", owner)
    app = ClickHouseHttp(engine, readers, tables, arguments.database)
    watch_space(arguments.path)
    try:
        uvicorn.run(
            app,
            host=arguments.host,
            port=arguments.port,
            loop="uvloop",
            http=BoundedProtocol,
            ws="none",
            log_level="warning",
            access_log=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=20,
        )
    finally:
        app.close()
        engine.close()


if __name__ == "__main__":
    main()
