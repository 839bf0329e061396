"""The Lua scripts beside this file, run by their hash.

A script is one command for Redis: nothing else happens while it runs, and it isn't rolled back when it fails.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redis.exceptions import NoScriptError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

_FOLDER = Path(__file__).parent


class Script:
    """A script by its file's name. Runs by hash; a Redis that restarted is given the text again."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._text = (_FOLDER / f"{name}.lua").read_bytes()
        self._sha = hashlib.sha1(self._text, usedforsecurity=False).hexdigest()

    async def run(self, client: Redis, *arguments: str | bytes) -> Any:
        """The script's reply, as bytes and lists. Raises redis-py's errors as they are."""
        execute: Callable[..., Awaitable[Any]] = client.execute_command
        try:
            return await execute("EVALSHA", self._sha, 0, *arguments)
        except NoScriptError:
            return await execute("EVAL", self._text, 0, *arguments)

    def queue(self, pipeline: Pipeline, *arguments: str | bytes) -> None:
        """Put it into a pipeline. `load` it before: a pipeline can't be asked twice."""
        execute: Callable[..., object] = pipeline.execute_command
        execute("EVALSHA", self._sha, 0, *arguments)

    async def load(self, client: Redis) -> None:
        """Give Redis the text."""
        execute: Callable[..., Awaitable[Any]] = client.execute_command
        await execute("SCRIPT LOAD", self._text)


APPLY = Script("apply")
CLAIM = Script("claim")
FORMER = Script("former")
STATE = Script("state")
MARK = Script("mark")
READY = Script("ready")
LOOKUP = Script("lookup")
READ_BATCH = Script("read_batch")
SWAP = Script("swap")
COMPARE = Script("compare")
FIND_OUTCOMES = Script("find_outcomes")
RATE_LIMIT = Script("rate_limit")
