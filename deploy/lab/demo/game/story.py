"""Turns frames of play into what a studio wants to know: happenings and walked paths. Pure.

The names are the ones the analysis knows (`level_started`, `player_death`, ...), on both wire surfaces alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from deploy.lab.demo.game.engine import Frame

PATH_MS: Final = 5_000
"""A walked path is cut after this long, at a level's end and at a death."""
POSITION_MS: Final = 1_000
HURT_MIN: Final = 8


class Happening(msgspec.Struct, frozen=True):
    """Something that happened at a place. `at_ms` is unix milliseconds; `step` marks a funnel step."""

    name: str
    at_ms: int
    level: str
    x: float
    y: float
    z: float
    data: dict[str, Any] = {}
    step: bool = False


class Path(msgspec.Struct, frozen=True):
    """A stretch of a walk: flat x, y, z points evenly spread over the time, and the frame rates meanwhile."""

    level: str
    start_ms: int
    end_ms: int
    positions: list[float]
    fps: dict[str, float]


class Story:
    """Watches one session. Feed it frames in order of time; take what has come together with `drain`."""

    def __init__(self, skill: int) -> None:
        self._skill = skill
        self._happenings: list[Happening] = []
        self._paths: list[Path] = []
        self._points: list[float] = []
        self._frame_seconds: list[float] = []
        self._path_start_ms = 0
        self._position_due_ms = 0
        self._previous: Frame | None = None
        self._steps: set[str] = set()

    def begin_level(self, level: str, frame: Frame, at_ms: int, attempt: int) -> None:
        """The player stands at the level's start, for the `attempt`th time."""
        self._previous = frame
        self._path_start_ms = self._position_due_ms = at_ms
        self._add("room_entered", level, frame, at_ms)
        self._add("level_started", level, frame, at_ms, level=level, attempt=attempt, skill=self._skill)
        self.step("Game_Start", level, frame, at_ms)
        self.step(f"{level}_Entered", level, frame, at_ms)

    def watch(self, level: str, frame: Frame, at_ms: int, tics: int) -> None:
        """One more frame, `tics` after the one before it."""
        before, self._previous = self._previous, frame
        if before is None:
            raise ValueError("watch before begin_level")
        view = frame.view
        self._points += (round(view.x, 1), round(view.y, 1), round(view.z, 1))
        self._frame_seconds.append(max(frame.seconds, 1e-4) / tics)
        if at_ms >= self._position_due_ms and frame.state == "playing":
            self._position_due_ms = at_ms + POSITION_MS
            self._add("player_pos", level, frame, at_ms, health=view.health)
        if frame.kills > before.kills:
            enemies = sorted((s for s in before.view.seen if s.category == "Monster"), key=lambda s: -s.size)
            enemy = enemies[0].name if enemies else "unseen"
            self._add(
                "enemy_killed", level, frame, at_ms, enemy=enemy, weapon=frame.weapon, kills=frame.kills
            )
            self.step("First_Kill", level, frame, at_ms)
        if frame.items > before.items:
            self._add("item_found", level, frame, at_ms, items=frame.items)
        if frame.secrets > before.secrets:
            self._add("secret_found", level, frame, at_ms, secrets=frame.secrets)
        if before.view.health - view.health >= HURT_MIN and frame.state == "playing":
            self._add(
                "player_hurt", level, frame, at_ms, health=view.health, lost=before.view.health - view.health
            )
        if frame.weapon != before.weapon and frame.state == "playing":
            self._add("weapon_selected", level, frame, at_ms, weapon=frame.weapon, ammo=view.ammo)
        self._watch_end(level, frame, at_ms)
        if frame.state != "playing" or at_ms - self._path_start_ms >= PATH_MS:
            self.cut(level, at_ms)

    def _watch_end(self, level: str, frame: Frame, at_ms: int) -> None:
        if frame.state == "dead":
            self._add(
                "player_death", level, frame, at_ms, level=level, kills=frame.kills, weapon=frame.weapon
            )
        elif frame.state == "exited":
            seconds = round(frame.tic / 35, 1)
            self._add("level_completed", level, frame, at_ms, level=level, seconds=seconds, kills=frame.kills)
            self.step(f"{level}_Exit", level, frame, at_ms)

    def give_up(self, level: str, at_ms: int, reason: str) -> None:
        """The player leaves the level without finishing it."""
        if self._previous is not None:
            self._add("level_failed", level, self._previous, at_ms, level=level, reason=reason)
        self.cut(level, at_ms)

    def step(self, name: str, level: str, frame: Frame, at_ms: int) -> None:
        """A funnel step; only the first of each name in a session counts."""
        if name not in self._steps:
            self._steps.add(name)
            view = frame.view
            self._happenings.append(Happening(name, at_ms, level, view.x, view.y, view.z, step=True))

    def cut(self, level: str, at_ms: int) -> None:
        """End the walked path here."""
        if self._points:
            path = Path(
                level, self._path_start_ms, max(at_ms, self._path_start_ms), self._points, self._rates()
            )
            self._paths.append(path)
        self._points, self._frame_seconds, self._path_start_ms = [], [], at_ms

    def drain(self) -> tuple[list[Happening], list[Path]]:
        """What came together since the last call."""
        taken = self._happenings, self._paths
        self._happenings, self._paths = [], []
        return taken

    def _add(self, name: str, place: str, frame: Frame, at_ms: int, /, **data: Any) -> None:
        view = frame.view
        x, y, z = round(view.x, 2), round(view.y, 2), round(view.z, 2)
        self._happenings.append(Happening(name, at_ms, place, x, y, z, data=data))

    def _rates(self) -> dict[str, float]:
        """Frames a second the engine could have drawn: the mean, and of the slowest 5 % and 1 % of frames."""
        times = sorted(self._frame_seconds, reverse=True)
        slow = [times[: max(1, len(times) * share // 100)] for share in (5, 1)]
        mean, low_5, low_1 = (round(len(part) / sum(part), 1) for part in (times, *slow))
        return {"mean": mean, "low_5": low_5, "low_1": low_1}
