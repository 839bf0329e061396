"""What each worker role does: a module for each role, with `async def run(worker, stop)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from schemas.topics import Topic

if TYPE_CHECKING:
    from deploy.settings import Settings
    from streams.runtime.partition_reads import KafkaTail
    from streams.runtime.producer import KafkaAppender


def _starting() -> dict[str, Any]:
    return {"ok": False, "lag": None}


@dataclass(kw_only=True)
class Worker:
    """What a role is built from. What it opens it leaves to `stack`, which closes it at the role's end."""

    role: str
    settings: Settings
    topics: Sequence[Topic]
    """Those that it may need, with this deployment's partition counts."""
    stack: AsyncExitStack = field(init=False)
    tail: KafkaTail = field(init=False)
    appender: KafkaAppender = field(init=False)
    health: Callable[[], dict[str, Any]] = _starting
    """What /healthz shows: `ok`, `lag` in records, and more."""

    def topic(self, topic: Topic) -> Topic:
        """A topic with this deployment's partition count."""
        return next(found for found in self.topics if found.name == topic.name)
