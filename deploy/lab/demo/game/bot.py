"""How a bot plays: fights what it sees, walks to its goals, opens doors, gets unstuck.

Pure: state in, buttons out. A bot looks through the labels buffer (what is on its screen) and knows the floor
plan; its temperament decides how long it strolls before it makes for the exit, and how well it aims.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec

from deploy.lab.demo.game.navigation import Goal, Grid, exits

if TYPE_CHECKING:
    from random import Random

    from deploy.lab.demo.game.wad import Level

AIM_NEAR: Final = 6.0
STUCK_MOVES: Final = 4
"""Decisions without getting anywhere after which a bot tries a door, then another way."""
PLACES_MAX: Final = 10
"""Places of a level worth strolling to: few, because the way to each is worked out once and kept."""
ARRIVED: Final = 56.0
PATIENCE: Final = 420
"""Decisions given to one goal before the next is tried."""


class Seen(msgspec.Struct, frozen=True):
    """A thing on the screen: its kind, and the middle of its box from -1 (left edge) to 1."""

    name: str
    category: str
    bearing: float
    size: int


class View(msgspec.Struct, frozen=True):
    """What a bot knows at one decision: map units, and degrees counter-clockwise from east."""

    x: float
    y: float
    z: float
    angle: float
    health: int
    ammo: int
    seen: list[Seen]


class Move(msgspec.Struct, frozen=True):
    """The buttons of one decision. `turn` is degrees to the right, as the engine's turn delta counts."""

    forward: bool = False
    backward: bool = False
    strafe: int = 0
    turn: float = 0.0
    attack: bool = False
    use: bool = False
    run: bool = False


class Temperament(msgspec.Struct, frozen=True):
    """`strolls`: places visited before the exit. `aim`: degrees of wobble. `bold`: health it flees below."""

    name: str
    strolls: int
    aim: float
    bold: float


TEMPERAMENTS: Final = (
    Temperament("runner", strolls=0, aim=5.0, bold=0.0),
    Temperament("explorer", strolls=3, aim=3.0, bold=0.2),
    Temperament("hunter", strolls=1, aim=1.0, bold=0.0),
    Temperament("wanderer", strolls=6, aim=9.0, bold=0.4),
)


class Bot:
    """One player in one level. Make a new one for each life; `decide` is called a few times a second."""

    def __init__(self, level: Level, grid: Grid, temperament: Temperament, random: Random) -> None:
        self.temperament = temperament
        self.random = random
        self._grid = grid
        self._goals = _itinerary(level, grid, temperament, random)
        self._at = 0
        self._patience = PATIENCE
        self._before = (math.inf, math.inf)
        self._stuck = 0
        self._detour: list[Move] = []

    def decide(self, view: View) -> Move:
        """The buttons to hold until the next decision."""
        moved = math.hypot(view.x - self._before[0], view.y - self._before[1])
        self._before = (view.x, view.y)
        enemy = max((s for s in view.seen if s.category == "Monster"), key=lambda s: s.size, default=None)
        if enemy is not None and view.ammo > 0:
            return self._fight(view, enemy)
        if self._detour:
            return self._detour.pop()
        self._stuck = self._stuck + 1 if moved < 10 else 0
        if self._stuck >= STUCK_MOVES:
            return self._unstick()
        return self._walk(view)

    def _fight(self, view: View, enemy: Seen) -> Move:
        turn = enemy.bearing * 45 + self.random.gauss(0, self.temperament.aim)
        timid = view.health < 100 * self.temperament.bold
        return Move(
            turn=turn,
            attack=abs(enemy.bearing * 45) < AIM_NEAR + self.temperament.aim,
            strafe=self.random.choice((-1, 1)),
            forward=not timid and enemy.size < 900,
            backward=timid,
        )

    def _walk(self, view: View) -> Move:
        goal = self._goals[self._at]
        self._patience -= 1
        arrived = math.hypot(goal.x - view.x, goal.y - view.y) < ARRIVED
        last = self._at == len(self._goals) - 1
        if (arrived and not last) or self._patience <= 0:
            self._at = self._at if last else self._at + 1
            self._patience = PATIENCE
            goal = self._goals[self._at]
        if goal.press is not None and math.hypot(goal.x - view.x, goal.y - view.y) < ARRIVED:
            off = _bearing(view, *goal.press)
            return Move(turn=off, forward=abs(off) < 40, use=self.random.random() < 0.5)
        ahead = self._grid.ahead(self._grid.distances(goal), view.x, view.y, 4)
        if ahead is None:
            return Move(turn=self.random.uniform(-30, 30), forward=True)
        off = _bearing(view, *ahead)
        return Move(turn=off, forward=abs(off) < 60, run=abs(off) < 25, use=self.random.random() < 0.1)

    def _unstick(self) -> Move:
        """Press use for a door, then step aside: detours are played last entry first."""
        self._stuck = 0
        aside = self.random.choice((-1, 1))
        sharp = self.random.uniform(20, 70) * aside
        self._detour = [
            Move(strafe=aside, forward=True),
            Move(strafe=aside, turn=sharp, backward=True),
            Move(forward=True),
            Move(),
        ]
        return Move(use=True)


def _itinerary(level: Level, grid: Grid, temperament: Temperament, random: Random) -> list[Goal]:
    """Where to go, the exit last; only places with a way from the start are chosen."""
    start = grid.cell(*level.start)
    way_out = [goal for goal in exits(level) if grid.distances(goal)[start] < math.inf][:1]
    near = grid.distances(Goal("start", *level.start))
    places = [(x, y) for x, y in level.items if near[grid.cell(x, y)] < math.inf]
    places = places[:: max(1, len(places) // PLACES_MAX)][:PLACES_MAX]
    chosen = random.sample(places, min(temperament.strolls, len(places)))
    strolls = [Goal("place", float(x), float(y)) for x, y in chosen]
    return [*strolls, *way_out] or [Goal("start", float(level.start[0]), float(level.start[1]))]


def _bearing(view: View, x: float, y: float) -> float:
    """Degrees to turn right to face the point."""
    wanted = math.degrees(math.atan2(y - view.y, x - view.x))
    return (view.angle - wanted + 180) % 360 - 180
