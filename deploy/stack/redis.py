"""Redis for the embedded stack: Debian's `redis-server` with its append-only file on."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from deploy.private_files import write_private
from deploy.redis_access import USER, acl_line, password_hash
from deploy.stack.program import PartFailed, ProgramSpec, answers

if TYPE_CHECKING:
    from pathlib import Path

OWNER: Final = "default"
"""Redis's own user, which may do everything."""


def redis_url(port: int, password: str, user: str = USER) -> str:
    """How a user reaches it: redis://user:password@localhost:port/0. `OWNER` may do everything."""
    return f"redis://{user}:{password}@localhost:{port}/0"


def owner_url(url: str, password: str) -> str:
    """The same Redis for its owner: for drills, and for a person at the screen."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{OWNER}:{password}@{parts.hostname}:{parts.port}").geturl()


def redis_part(
    home: Path, port: int, *, owner_password: str, password: str, empty: bool = False
) -> ProgramSpec:
    """Redis on 127.0.0.1:port with its files in `<home>/redis`; `empty` drops them before the first start.

    Its users are the owner and the product's own, which has the rights of `deploy.redis_access`.
    Passwords are in a file that its owner alone may read, not among the program's arguments.
    A crash loses at most the last second (appendfsync everysec): the projection's own position tells, and it
    goes on from there.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise PartFailed("redis-server is missing: install Debian's package redis-server")
    folder = home / "redis"
    configuration = folder / "redis.conf"
    if empty:
        shutil.rmtree(folder, ignore_errors=True)

    def prepare() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        write_private(
            configuration,
            _CONFIGURATION.format(
                port=port, owner_password=owner_password, user=acl_line(password_hash(password))
            ),
        )

    async def ready() -> bool:
        return await answers(port, f"AUTH {USER} {password}\r\nPING\r\n".encode(), b"+PONG")

    return ProgramSpec(
        name="redis",
        argv=[program, str(configuration.absolute()), "--dir", str(folder.absolute())],
        prepare=prepare,
        ready=ready,
        start_seconds=60,  # a long append-only file is read before the first PONG
    )


_CONFIGURATION: Final = """\
bind 127.0.0.1
protected-mode yes
port {port}
requirepass {owner_password}
{user}
daemonize no
save ""
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
loglevel notice
"""
