"""How a host joins the log, and says that it takes no more servers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from schemas.fleet.events import EVENTS, HostJoined
from schemas.fleet.host_commands import DrainHost, JoinHost
from schemas.fleet.host_views import HostCapacity
from schemas.fleet.names import host_aggregate
from schemas.log import LogUnavailable
from schemas.outcomes import messages_of, rejection
from streams.asking import CommandBuilder
from streams.fleet.host.log import HostLog

_log: Final = logging.getLogger(__name__)
_ANSWER_S: Final = 5.0
_AGAIN_S: Final = 0.5


class CannotJoin(Exception):
    """The log refuses this host. The message says why."""


class Membership:
    """One host's commands about itself."""

    def __init__(self, log: HostLog, builder: CommandBuilder, host_id: str) -> None:
        self._log = log
        self._builder = builder
        self._host_id = host_id

    async def join(self, capacity: HostCapacity, held: Callable[[], list[str]]) -> int:
        """Asks until the log answers; the new epoch. `held` are the builds here. Raises CannotJoin."""
        while True:
            command = self._builder.build(
                JoinHost(host_id=self._host_id, capacity=capacity, builds=sorted(held())),
                aggregate_id=host_aggregate(self._host_id),
                studio_id="",
            )
            try:
                decided = await self._log.ask(command, within_s=_ANSWER_S)
            except (TimeoutError, LogUnavailable) as error:
                _log.warning("the log did not answer; the host asks again: %r", error)
                await asyncio.sleep(_AGAIN_S)
                continue
            refused = rejection(decided)
            if refused is not None:
                raise CannotJoin(f"{refused.code}: {refused.message}")
            joined = next(event for event in messages_of(decided, EVENTS) if isinstance(event, HostJoined))
            return joined.host.epoch

    async def drain(self, epoch: int) -> None:
        """No new servers come here from now on; without an answer the host ends all the same."""
        command = self._builder.build(
            DrainHost(host_id=self._host_id, epoch=epoch),
            aggregate_id=host_aggregate(self._host_id),
            studio_id="",
        )
        try:
            await self._log.ask(command, within_s=_ANSWER_S)
        except (TimeoutError, LogUnavailable) as error:
            _log.warning("the log does not know that this host ends: %r", error)
