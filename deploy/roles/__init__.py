"""What each worker role is made of.

A module a role, with `async def bindings(worker)` giving topics and their readers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from schemas.log import LogReader
from schemas.topics import Topic

if TYPE_CHECKING:
    import faust

    from deploy.settings import Settings
    from streams.runtime.producer import KafkaAppender
    from streams.runtime.reader import Role
    from streams.runtime.tail import KafkaTail

Bindings = Sequence[tuple[Topic, LogReader]]


@dataclass(kw_only=True)
class Worker:
    """What a role is built from.

    What a role opens it leaves to `stack`, which closes it when the role has ended.
    """

    role: str
    settings: Settings
    stack: AsyncExitStack = field(init=False)
    tail: KafkaTail = field(init=False)
    appender: KafkaAppender = field(init=False)
    app: faust.App = field(init=False)
    role_runner: Role | None = None
    health: Callable[[], dict[str, Any]] = dict
    """What the role adds to /healthz."""
