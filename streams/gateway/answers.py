"""The port of a command client: where outcomes are found, and who says that there are some."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from schemas.envelope import Outcome
from schemas.outcomes import Sought


class Answers(Protocol):
    """Where outcomes are found and notifications come from; `deploy` injects the one on Redis."""

    async def find(
        self, partition: int, commands: Sequence[Sought], record_id: str = ""
    ) -> list[Outcome | None]:
        """In the order asked; None where there is none yet. Raises StoreUnavailable instead of guessing."""
        ...

    async def listen(
        self, gateway_id: str, notified: Callable[[str], None], missed: Callable[[], None], up: asyncio.Event
    ) -> None:
        """Call `notified(record_id)` for ever; `up` while subscribed, `missed()` after a gap."""
        ...
