"""Finds the way through a level: a grid over the floor plan, and how far each cell is from a goal on foot.

Pure. The grid is exact enough to walk by, not to prove reachability: lifts and far doors count as passable.
"""

from __future__ import annotations

import heapq
import math
from typing import Final

import msgspec
import numpy as np

from deploy.lab.demo.game.wad import EXIT_SWITCHES, EXIT_WALKOVERS, Level, Line

CELL: Final = 16
"""Map units a cell; the player is a box of 32."""
REACH: Final = 17.0
STEP_MAX: Final = 24
HEADROOM: Final = 56
_NEIGHBOURS: Final = tuple((dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy)
_FAR: Final = math.inf


class Goal(msgspec.Struct, frozen=True):
    """A place to walk to. `press` is the point to face and use there, where there is a switch."""

    name: str
    x: float
    y: float
    press: tuple[float, float] | None = None


class Grid:
    """Walkable cells of a level. Positions are map units; outside the plan nothing is walkable."""

    def __init__(self, level: Level) -> None:
        xs = [value for line in level.lines for value in (line.x1, line.x2)]
        ys = [value for line in level.lines for value in (line.y1, line.y2)]
        self.x0, self.y0 = min(xs) - CELL, min(ys) - CELL
        self.width = (max(xs) - self.x0) // CELL + 2
        self.height = (max(ys) - self.y0) // CELL + 2
        self.sector = _sectors(level.lines, self.x0, self.y0, self.width, self.height)
        floors = np.array([sector.floor for sector in level.sectors] + [0])
        opens = np.array([sector.opens for sector in level.sectors] + [False])
        rooms = np.array([s.ceiling - s.floor >= HEADROOM or s.opens for s in level.sectors] + [False])
        self.floor = floors[self.sector]
        self.opens = opens[self.sector]
        self.walkable = rooms[self.sector] & (self.sector >= 0)
        harmful = np.array([s.harmful for s in level.sectors] + [False])
        near_wall = np.zeros_like(self.walkable)
        for line in level.lines:
            self._block(level, line, near_wall)
        self.walkable[[0, -1], :] = False
        self.walkable[:, [0, -1]] = False
        self._known: dict[Goal, np.ndarray] = {}
        self.cost = np.where(harmful[self.sector], 25.0, np.where(near_wall, 2.5, 1.0))

    def cell(self, x: float, y: float) -> tuple[int, int]:
        """The cell a position lies in, clamped to the grid."""
        column = int((x - self.x0) // CELL)
        row = int((y - self.y0) // CELL)
        return min(max(row, 0), self.height - 1), min(max(column, 0), self.width - 1)

    def centre(self, row: int, column: int) -> tuple[float, float]:
        """The middle of a cell in map units."""
        return self.x0 + (column + 0.5) * CELL, self.y0 + (row + 0.5) * CELL

    def distances(self, goal: Goal) -> np.ndarray:
        """Walking distance in cells from every cell to the goal; infinite where no way leads there.

        Remembered for each goal: ask for few different ones.
        """
        known = self._known.get(goal)
        if known is None:
            known = self._known[goal] = self._flood(goal)
        return known

    def _flood(self, goal: Goal) -> np.ndarray:
        """Dijkstra backwards from the goal, on flat lists: scalar access to arrays costs three times that."""
        width = self.width
        walkable, opens, dear = (array.ravel().tolist() for array in (self.walkable, self.opens, self.cost))
        floor = self.floor.ravel().tolist()
        distance = [_FAR] * len(floor)
        queue = [(0.0, row * width + column) for row, column in self._seeds(goal)]
        for _, here in queue:
            distance[here] = 0.0
        moves = [(dx, dy * width, math.hypot(dx, dy)) for dx, dy in _NEIGHBOURS]
        while queue:
            so_far, here = heapq.heappop(queue)
            if so_far > distance[here]:
                continue
            for dx, dy, length in moves:
                there = here + dx + dy  # the grid has a margin of solid cells, so no move leaves it
                if not walkable[there] or not (walkable[here + dx] and walkable[here + dy]):
                    continue
                if floor[here] - floor[there] > STEP_MAX and not (opens[here] or opens[there]):
                    continue
                cost = so_far + length * dear[there]
                if cost < distance[there]:
                    distance[there] = cost
                    heapq.heappush(queue, (cost, there))
        return np.array(distance).reshape(self.height, width)

    def ahead(self, distance: np.ndarray, x: float, y: float, steps: int) -> tuple[float, float] | None:
        """The point `steps` cells further along the shortest way; None where no way is known from here."""
        row, column = self._nearest(distance, *self.cell(x, y))
        if row < 0:
            return None
        for _ in range(steps):
            best = min(
                ((r, c) for dx, dy in _NEIGHBOURS if self._inside(r := row + dy, c := column + dx)),
                key=lambda cell: distance[cell],
            )
            if distance[best] >= distance[row, column]:
                break
            row, column = best
        return self.centre(row, column)

    def _inside(self, row: int, column: int) -> bool:
        return 0 <= row < self.height and 0 <= column < self.width

    def _nearest(self, distance: np.ndarray, row: int, column: int) -> tuple[int, int]:
        for radius in range(6):
            top, left = max(row - radius, 0), max(column - radius, 0)
            window = distance[top : row + radius + 1, left : column + radius + 1]
            index = int(np.argmin(window))
            if window.flat[index] < _FAR:
                return top + index // window.shape[1], left + index % window.shape[1]
        return -1, -1

    def _seeds(self, goal: Goal) -> list[tuple[int, int]]:
        row, column = self.cell(goal.x, goal.y)
        return [
            (r, c)
            for r in range(row - 2, row + 3)
            for c in range(column - 2, column + 3)
            if self._inside(r, c) and self.walkable[r, c]
        ]

    def _block(self, level: Level, line: Line, near_wall: np.ndarray) -> None:
        """Take the cells a player's box can't stand on because of this line out of the grid."""
        if not line.solid:
            front, back = level.sectors[line.front], level.sectors[line.back]
            high = max(front.floor, back.floor)
            if front.opens or back.opens:
                return
            tight = min(front.ceiling, back.ceiling) - high < HEADROOM
            if not tight and abs(front.floor - back.floor) <= STEP_MAX:
                return
        else:
            high, tight = 0, True
        for radius, target in ((REACH, self.walkable), (REACH + CELL, near_wall)):
            top, left = self.cell(min(line.x1, line.x2) - radius, min(line.y1, line.y2) - radius)
            bottom, right = self.cell(max(line.x1, line.x2) + radius, max(line.y1, line.y2) + radius)
            window = (slice(top, bottom + 1), slice(left, right + 1))
            px = self.x0 + (np.arange(left, right + 1) + 0.5) * CELL
            py = self.y0 + (np.arange(top, bottom + 1) + 0.5) * CELL
            touched = _touches(line, px[None, :], py[:, None], radius)
            if not tight:
                touched &= self.floor[window] < high - STEP_MAX
            target[window] = (
                (target[window] & ~touched) if target is self.walkable else (target[window] | touched)
            )


def exits(level: Level) -> list[Goal]:
    """The level's exits: switches to press and lines to walk over."""
    goals: list[Goal] = []
    for line in level.lines:
        middle = ((line.x1 + line.x2) / 2, (line.y1 + line.y2) / 2)
        length = math.hypot(line.x2 - line.x1, line.y2 - line.y1) or 1.0
        right = ((line.y2 - line.y1) / length, -(line.x2 - line.x1) / length)
        if line.special in EXIT_SWITCHES:
            goals.append(Goal("exit", middle[0] + 32 * right[0], middle[1] + 32 * right[1], middle))
        elif line.special in EXIT_WALKOVERS:
            goals.append(Goal("exit", *middle))
    return goals


def _sectors(lines: list[Line], x0: int, y0: int, width: int, height: int) -> np.ndarray:
    """The sector under each cell's centre, by casting each row against the lines it crosses; -1 outside."""
    grid = np.full((height, width), -1, dtype=np.int32)
    centres = x0 + (np.arange(width) + 0.5) * CELL
    for row in range(height):
        y = y0 + (row + 0.5) * CELL + 0.37  # never exactly on a vertex: those have whole coordinates
        crossings = sorted(
            (
                (line.x1 + (y - line.y1) * (line.x2 - line.x1) / (line.y2 - line.y1), line)
                for line in lines
                if (line.y1 > y) != (line.y2 > y)
            ),
            key=lambda crossing: crossing[0],
        )
        start = 0
        for x, line in crossings:
            end = int(np.searchsorted(centres, x))
            # A line that runs upwards has its front, the right side, to the east; west of it lies its back.
            grid[row, start:end] = line.back if line.y2 > line.y1 else line.front
            start = end
    return grid


def _touches(line: Line, x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    """Where a box of `radius` around (x, y) meets the line."""
    dx, dy = line.x2 - line.x1, line.y2 - line.y1
    along = ((x - line.x1) * dx + (y - line.y1) * dy) / max(dx * dx + dy * dy, 1)
    along = np.clip(along, 0.0, 1.0)
    gap_x, gap_y = np.abs(line.x1 + along * dx - x), np.abs(line.y1 + along * dy - y)
    touched: np.ndarray = np.hypot(gap_x, gap_y) <= radius
    return touched
