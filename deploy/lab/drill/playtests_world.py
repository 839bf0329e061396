"""What the playtests drill's clients hold: studios with their keys, and what answers have told so far."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import uuid
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from deploy.lab.drill.playtests_clients import Caller
from deploy.lab.drill.stack import DrillFailedError
from deploy.studio_administration import open_administration
from schemas.edge.ports import KeyKind
from schemas.studio.commands import DefinedGame, DefineStudio
from schemas.studio.games import GameSettings

if TYPE_CHECKING:
    import random
    from collections.abc import Collection, Iterator

    from deploy.lab.drill.playtests_clients import Answered
    from deploy.lab.drill.playtests_history import SlotOperation
    from deploy.settings import Settings
    from deploy.studio_administration import Administration

GAMES: Final = ("first", "second")
KEYS_AT_ONCE: Final = 64


@dataclasses.dataclass(slots=True)
class KnownOrder:
    """An order as its clients know it."""

    id: str
    manual: bool
    public: bool
    status: str
    slots: set[str] = dataclasses.field(default_factory=set)


@dataclasses.dataclass(slots=True)
class KnownSlot:
    """A slot likewise; `who` has it, where that is known."""

    id: str
    order: KnownOrder
    status: str
    who: Caller | None = None


@dataclasses.dataclass(slots=True)
class KnownApplication:
    """An application likewise."""

    id: str
    order: KnownOrder
    who: Caller
    pending: bool = True


class Side:
    """One studio with its keys, and what is known of it. `owner` gives its keys in turn: each has a rate."""

    def __init__(
        self, studio_id: str, games: dict[str, str], owners: list[Caller], panel: list[Caller]
    ) -> None:
        self.studio_id = studio_id
        self.games = games
        """Ids by slugs."""
        self.panel = panel
        self.by_id = {caller.playtester_id: caller for caller in panel}
        self._owners: Iterator[Caller] = itertools.cycle(owners)
        self.orders: dict[str, KnownOrder] = {}
        self.slots: dict[str, KnownSlot] = {}
        self.applications: dict[str, KnownApplication] = {}

    @property
    def owner(self) -> Caller:
        """The next of the studio's keys."""
        return next(self._owners)

    def some_order(
        self, dice: random.Random, statuses: Collection[str], *, manual: bool | None = None
    ) -> KnownOrder | None:
        """One of the newest orders with a status."""
        newest = list(self.orders.values())[-200:]
        fit = [one for one in newest if one.status in statuses and manual in {None, one.manual}]
        return dice.choice(fit) if fit else None

    def some_slot(self, dice: random.Random, *statuses: str) -> KnownSlot | None:
        """One of the newest slots with a status that any slot has."""
        newest = list(self.slots.values())[-400:]
        fit = [one for one in newest if one.status in statuses and one.who is not None]
        return dice.choice(fit) if fit else None

    def seen(self, order: KnownOrder, slot_id: str, status: str, playtester_id: str | None) -> KnownSlot:
        """What an answer says of a slot."""
        slot = self.slots.get(slot_id)
        if slot is None:
            slot = self.slots[slot_id] = KnownSlot(slot_id, order, status)
            order.slots.add(slot_id)
        slot.status = status
        if playtester_id is not None:
            slot.who = self.by_id.get(playtester_id)
        return slot


@dataclasses.dataclass(slots=True)
class Record:
    """All that clients saw."""

    answered: list[Answered] = dataclasses.field(default_factory=list)
    slots: dict[str, list[SlotOperation]] = dataclasses.field(default_factory=lambda: defaultdict(list))
    """What was asked of each slot, and what was read."""
    orders: dict[str, list[SlotOperation]] = dataclasses.field(default_factory=lambda: defaultdict(list))
    """What was asked of each order and meets all of its slots."""
    wrong: list[str] = dataclasses.field(default_factory=list)
    """Answers that no contract gives."""


async def make_sides(configured: Settings, run: str, *, studios: int, owners: int, panel: int) -> list[Side]:
    """New studios with two games each, so many keys of their own and so many playtesters."""
    async with open_administration(configured) as opened:
        return [await make_side(opened, f"{run}-{number}", owners, panel) for number in range(studios)]


async def make_side(administration: Administration, slug: str, owners: int, panel: int) -> Side:
    """One of them. Raises CommandRefused, and DrillFailedError where the studio is not there."""
    games = [DefinedGame(id=None, settings=GameSettings(slug=game, name=game)) for game in GAMES]
    await administration.define(DefineStudio(slug=slug, name=slug, plan="studio", games=games))
    studio = await administration.queries.studio_by_slug(slug)
    if studio is None:
        raise DrillFailedError(f"studio {slug} is not there after it was applied")
    room = asyncio.Semaphore(KEYS_AT_ONCE)

    async def key(kind: KeyKind, tester: str = "") -> Caller:
        async with room:
            made = await administration.create_key(kind, studio_id=studio.id, tester_id=tester)
        return Caller(made.value, studio.id, tester)

    return Side(
        studio.id,
        {game.slug: game.id for game in await administration.queries.games(studio.id)},
        await asyncio.gather(*(key(KeyKind.PLAYTEST_OWNER) for _ in range(owners))),
        await asyncio.gather(*(key(KeyKind.PLAYTESTER, str(uuid.uuid4())) for _ in range(panel))),
    )
