"""How simulated clients ask again: through outages, until they know what became of what they asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

from schemas.edge.ports import StoreUnavailable
from schemas.objects import ObjectStoreError
from streams.gateway.pending_commands import CommandUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

RETRY_S: Final = 0.2
TRIES_MAX: Final = 400
AnswerT = TypeVar("AnswerT")


class Unanswered(Exception):
    """The outcome of a request was never learnt, although faults had ended."""


async def until_known(ask: Callable[[], Awaitable[AnswerT]], what: str) -> AnswerT:
    """The answer of `ask`, which is called again while a store or an outcome is away.

    Raises Unanswered, which names `what`.
    """
    for _ in range(TRIES_MAX):
        try:
            return await ask()
        except (CommandUnavailable, StoreUnavailable, ObjectStoreError):
            await asyncio.sleep(RETRY_S)
    raise Unanswered(f"{what} was never answered")
