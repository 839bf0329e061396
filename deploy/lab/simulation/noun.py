"""What a noun declares to be simulated: who plays, what may break beside the shared, what must be true."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from deploy.lab.simulation.stage import Stage
from streams.effect_reader import Reading

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from deploy.noun import Acting, Tick
    from schemas.log import LogReader
    from streams.deciders.noun import Noun as Decider

Break = Callable[[], Awaitable[None]]


class Part:
    """One noun's part of one seed. Projection, managers and effects are the table's own."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    @property
    def breaks(self) -> Mapping[str, Break]:
        """What breaks in this noun alone, by name, beside the processes, the store and the brokers' clock."""
        return {}

    @property
    def asked(self) -> int:
        """How many commands players have asked."""
        raise NotImplementedError

    def players(self) -> list[Coroutine[Any, Any, None]]:
        """Each plays so many operations and returns; an exception is a problem."""
        raise NotImplementedError

    def timer_ms(self) -> int:
        """What the timer takes for the time."""
        return self.stage.faults.now_ms()

    def managers(self, acting: Acting) -> Mapping[str, Tick]:
        """What the timer calls each second: those of the table."""
        managers = self.stage.noun.managers
        return {} if managers is None else managers(acting)

    def effects(self, acting: Acting, positions: Callable[[str], Any]) -> list[LogReader]:
        """The readers of its own events: those of the table, on positions by their names."""
        own = self.stage.noun.effects.items()
        return [
            effect.open(acting, Reading(acting.events, acting.tail, positions(name)))
            for name, effect in own
            if effect.reads is None
        ]

    def is_settled(self) -> bool:
        """Whether what time and effects bring is done; asked each second at rest."""
        raise NotImplementedError

    async def end(self) -> bool:
        """What comes at rest, before all is judged; whether anything has to come to rest again."""
        return False

    def problems(self) -> list[str]:
        """Every promise of the noun that does not hold at rest, a line each."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True, slots=True)
class Simulated:
    """A noun's declaration. `name` is the table's."""

    name: str
    open: Callable[[Stage], Part]
    decider: Decider[Any] | None = None
    """In place of the table's: the same, with limits that few operations reach."""
