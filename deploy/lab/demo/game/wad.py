"""Reads a level's floor plan from a Doom WAD: walls, sectors, the player's start and the exits.

The engine tells a bot where it is but not where the exit is; the plan comes from the file the engine plays.
Source of the formats and line specials: the Unofficial Doom Specification 1.666 (chapters 4-2, 4-3, 4-9).
"""

from __future__ import annotations

import itertools
import struct
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

EXIT_SWITCHES: Final = frozenset({11, 51})
EXIT_WALKOVERS: Final = frozenset({52, 124})
DOOR_PRESSES: Final = frozenset({1, 31, 117, 118})
"""Doors that open when use is pressed on them (26-28 and 32-34 want a key)."""
MOVING_TAGGED: Final = frozenset(
    {
        2,
        4,
        5,
        10,
        14,
        15,
        18,
        20,
        22,
        29,
        36,
        38,
        46,
        61,
        62,
        63,
        86,
        88,
        90,
        91,
        102,
        103,
        109,
        120,
        121,
        123,
    }
)
"""Lifts, floors and doors that something else moves: passable in the plan, by luck and patience in play."""
HARMFUL_SPECIALS: Final = frozenset({4, 5, 7, 11, 16})
"""Floors that burn: slime, nukage, lava."""
PLAYER_START: Final = 1
IMPASSABLE: Final = 1


class Line(msgspec.Struct, frozen=True):
    """A wall or a step. `back` is -1 where the line is solid; the front sector is on its right."""

    x1: int
    y1: int
    x2: int
    y2: int
    special: int
    front: int
    back: int
    solid: bool


class Sector(msgspec.Struct, frozen=True):
    """A floor area. `opens` is true where something can move its floor or ceiling; `harmful` floors burn."""

    floor: int
    ceiling: int
    opens: bool
    harmful: bool


class Level(msgspec.Struct, frozen=True):
    """A level's plan in map units (64 is about two metres)."""

    name: str
    lines: list[Line]
    sectors: list[Sector]
    start: tuple[int, int]
    items: list[tuple[int, int]]
    """Where things lie that are worth walking to."""


class UnknownLevelError(Exception):
    """The WAD holds no level of that name in the classic format."""


def _directory(data: bytes) -> list[tuple[str, int, int]]:
    magic, count, offset = struct.unpack_from("<4sii", data)
    if magic not in (b"IWAD", b"PWAD"):
        raise UnknownLevelError("not a WAD file")
    entries = struct.iter_unpack("<ii8s", data[offset : offset + 16 * count])
    return [(name.rstrip(b"\0").decode("latin-1"), start, size) for start, size, name in entries]


def level_names(wad: Path) -> list[str]:
    """Names of the levels in the file, in its order."""
    entries = _directory(wad.read_bytes())
    return [name for (name, _, _), (after, _, _) in itertools.pairwise(entries) if after == "THINGS"]


def read_level(wad: Path, name: str) -> Level:
    """Read one level. Raises `UnknownLevelError` when the file has none of that name."""
    data = wad.read_bytes()
    entries = _directory(data)
    names = [entry[0] for entry in entries]
    if name not in names:
        raise UnknownLevelError(f"{wad.name} has no level {name}")
    first = names.index(name)
    lumps = {lump: data[start : start + size] for lump, start, size in entries[first + 1 : first + 11]}
    try:
        things = list(struct.iter_unpack("<hhHHH", lumps["THINGS"]))
        vertexes = list(struct.iter_unpack("<hh", lumps["VERTEXES"]))
        sides = [side[-1] for side in struct.iter_unpack("<hh8s8s8sH", lumps["SIDEDEFS"])]
        raw_lines = list(struct.iter_unpack("<HHHHHHH", lumps["LINEDEFS"]))
        raw_sectors = list(struct.iter_unpack("<hh8s8shHH", lumps["SECTORS"]))
    except (KeyError, struct.error) as error:
        raise UnknownLevelError(f"{name} is not in the classic format: {error}") from error

    moving_tags = {tag for _, _, _, special, tag, _, _ in raw_lines if special in MOVING_TAGGED and tag}
    lines: list[Line] = []
    pressed: set[int] = set()
    for a, b, flags, special, _tag, right, left in raw_lines:
        front, back = (sides[index] if index != 0xFFFF else -1 for index in (right, left))
        if special in DOOR_PRESSES and back >= 0:
            pressed.add(back)
        solid = bool(flags & IMPASSABLE) or front < 0 or back < 0
        (x1, y1), (x2, y2) = vertexes[a], vertexes[b]
        lines.append(Line(x1, y1, x2, y2, special, front, back, solid))
    sectors = [
        Sector(raw[0], raw[1], index in pressed or raw[6] in moving_tags, raw[5] in HARMFUL_SPECIALS)
        for index, raw in enumerate(raw_sectors)
    ]
    starts = [(x, y) for x, y, _, kind, _ in things if kind == PLAYER_START]
    if not starts:
        raise UnknownLevelError(f"{name} has no player start")
    items = [(x, y) for x, y, _, kind, _ in things if 2000 <= kind < 2100]
    return Level(name, lines, sectors, starts[0], items)
