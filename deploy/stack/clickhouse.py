"""ClickHouse for the embedded stack, as its supervisor sees it: the engine is loaded in its own process."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from deploy.stack.part import PartSpec, http_ok

if TYPE_CHECKING:
    from pathlib import Path


def clickhouse_part(home: Path, port: int) -> PartSpec:
    """ClickHouse on 127.0.0.1:port, data in `<home>/clickhouse/data`, users in `readers.json` beside."""
    folder = (home / "clickhouse").absolute()

    async def ready() -> bool:
        return await http_ok(port, "/ping")

    return PartSpec(
        name="clickhouse",
        argv=[
            sys.executable,
            "-m",
            "deploy.stack.clickhouse_server",
            "--path",
            str(folder),
            "--port",
            str(port),
        ],
        prepare=lambda: folder.mkdir(parents=True, exist_ok=True),
        ready=ready,
        start_seconds=120,
        stop_seconds=30,
    )
