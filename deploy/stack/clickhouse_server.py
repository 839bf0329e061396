"""`python -m deploy.stack.clickhouse_server`: chDB behind ClickHouse's HTTP protocol.

A crash at any moment leaves every insert there whole or not at all (MergeTree parts appear by rename).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import uvicorn

from deploy.http_protocol import BoundedProtocol
from deploy.stack.clickhouse_engine import ChdbEngine
from deploy.stack.clickhouse_http import ClickHouseHttp


def main() -> None:
    """Open the engine, serve until SIGTERM, close the engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", type=Path, required=True)
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--host", default="127.0.0.1")
    arguments = parser.parse_args()
    arguments.path.mkdir(parents=True, exist_ok=True)
    engine = ChdbEngine(arguments.path / "data")
    app = ClickHouseHttp(engine, arguments.path / "readers.json")
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
