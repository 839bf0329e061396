"""A reader of events whose effects are commands: they are asked until each is answered.

Something that is away is asked again; where it stays away the process ends, and the record is read again. A
refusal is an answer: asking again would give the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from schemas.edge.ports import StoreUnavailable
from streams.asking import CommandRefused
from streams.effect_reader import RETRY, EffectReader, Reading, Retry
from streams.gateway.pending_commands import CommandTooLarge, CommandUnavailable

ASKED_AT_ONCE: Final = 512

_log: Final = logging.getLogger(__name__)
Ask = Callable[[], Awaitable[object]]


class AskingReader(EffectReader):
    """Base: `ask_all` is for `take`. `what` names the effects in messages, in the plural."""

    def __init__(self, what: str, reading: Reading, *, retry: Retry = RETRY) -> None:
        super().__init__(what, reading)
        self._patience_s, self._again_s = retry

    async def ask_all(self, asked: Sequence[Ask]) -> None:
        """Ask everything, many at once. Raises CommandUnavailable where some stay unanswered."""
        now = asyncio.get_running_loop().time
        deadline = now() + self._patience_s
        left = list(asked)
        while left:
            some, left = left[:ASKED_AT_ONCE], left[ASKED_AT_ONCE:]
            answers = await asyncio.gather(*map(self._answered, some))
            away = [ask for ask, answered in zip(some, answers, strict=True) if not answered]
            if not away:
                deadline = now() + self._patience_s
                continue
            if now() > deadline:
                raise CommandUnavailable(f"{len(away) + len(left)} {self._what} were not answered")
            left = away + left
            await asyncio.sleep(self._again_s)

    async def _answered(self, ask: Ask) -> bool:
        try:
            await ask()
        except (CommandUnavailable, StoreUnavailable) as error:
            _log.warning("one of the %s waits: %s", self._what, error)
            return False
        except (CommandRefused, CommandTooLarge) as error:
            _log.error("one of the %s was refused: %s", self._what, error)
        return True
