"""What a bot achieved, counted from frames: frags, damage, and the time of a level it got through. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from deploy.lab.demo.game.engine import TICS_A_SECOND

if TYPE_CHECKING:
    from deploy.lab.demo.game.engine import Frame


class Feats(msgspec.Struct, frozen=True):
    """Since the last look. `level_seconds` has one entry for each level that was left by its exit."""

    frags: int = 0
    damage: int = 0
    level_seconds: tuple[float, ...] = ()

    def __bool__(self) -> bool:
        return self != Feats()


class FeatCounter:
    """Feed it the frames of one session in order; the engine counts kills and damage anew in each level."""

    def __init__(self) -> None:
        self._previous: Frame | None = None
        self._feats = Feats()

    def begin_level(self, frame: Frame) -> None:
        """A level starts, or starts over."""
        self._previous = frame

    def watch(self, frame: Frame) -> None:
        """One more frame of the level."""
        before, self._previous = self._previous, frame
        if before is None:
            raise ValueError("watch before begin_level")
        exits = (round(frame.tic / TICS_A_SECOND, 2),) if frame.state == "exited" else ()
        so_far = self._feats
        self._feats = Feats(
            so_far.frags + max(0, frame.kills - before.kills),
            so_far.damage + max(0, frame.damage - before.damage),
            so_far.level_seconds + exits,
        )

    def drain(self) -> Feats:
        """What came together since the last call."""
        taken, self._feats = self._feats, Feats()
        return taken
