"""A write of S5 put to the decider, with what the caller's plan allows."""

from __future__ import annotations

from schemas.codec import Message
from schemas.edge.ports import Directory, StoreUnavailable
from schemas.envelope import Outcome
from schemas.fleet.access import Caller
from schemas.fleet.definitions import limits_of
from schemas.fleet.views import PlanLimits
from streams.gateway.fleet.outcomes import raise_refusal
from streams.gateway.fleet.writes import Write
from streams.gateway.keyed_requests import KeyedRequests


class Asking:
    """Raises `Refused` where the decider refuses, and what stores raise."""

    def __init__(self, requests: KeyedRequests, directory: Directory) -> None:
        self._requests = requests
        self._directory = directory

    async def limits(self, caller: Caller) -> PlanLimits:
        """What a project may have, by its studio's plan and its definition."""
        studio = await self._directory.studio(caller.studio_id)
        if studio is None:
            raise StoreUnavailable("the key's studio is not known yet")
        return limits_of(studio.plan, await self._directory.game(caller.project_id))

    async def ask(self, write: Write, command: Message, aggregate_id: str) -> Outcome:
        """The outcome of a command about one thing of the caller's project."""
        outcome = await self._requests.ask(
            write.asked,
            command,
            aggregate_id,
            studio_id=write.caller.studio_id,
            game_id=write.caller.project_id,
        )
        raise_refusal(outcome)
        return outcome
