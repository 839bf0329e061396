"""Redis for the embedded stack: Debian's `redis-server` with its append-only file on."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from deploy.stack.part import PartFailed, PartSpec, answers

if TYPE_CHECKING:
    from pathlib import Path


def redis_part(home: Path, port: int, *, empty: bool = False) -> PartSpec:
    """Redis on 127.0.0.1:port with its files in `<home>/redis`; `empty` drops them before the first start.

    A crash loses at most the last second (appendfsync everysec): the projection's own position tells, and it
    goes on from there.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise PartFailed("redis-server is missing: install Debian's package redis-server")
    folder = home / "redis"
    if empty:
        shutil.rmtree(folder, ignore_errors=True)

    async def ready() -> bool:
        return await answers(port, b"PING\r\n", b"+PONG")

    return PartSpec(
        name="redis",
        argv=[
            *(program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder.absolute())),
            *("--daemonize", "no", "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"),
            *("--maxmemory-policy", "noeviction", "--loglevel", "notice"),
        ],
        prepare=lambda: folder.mkdir(parents=True, exist_ok=True),
        ready=ready,
        start_seconds=60,  # a long append-only file is read before the first PONG
    )
