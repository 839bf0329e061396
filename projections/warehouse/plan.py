"""Which files a day of a view is written as: a pure function of what each of its hours holds.

A file holds whole hours, as many as fit its size; an hour that does not fit is split by a hash of its rows.
Its name follows from where it begins and ends and from the sums over its rows, so that an export which finds
a file of the name that it would write has nothing to write.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS


class Hour(msgspec.Struct, frozen=True):
    """What an hour of a view holds: since when (unix hours; 0 of a view without time), and sums over it.

    `bytes` is the size of its rows in memory: their Parquet is smaller. `checksum` does not depend on order.
    """

    hour: int
    rows: int
    bytes: int
    checksum: int


class Part(msgspec.Struct, frozen=True):
    """A file to write: the hours from `begin` to before `end`, and which of the pieces of their rows."""

    name: str
    begin: int
    end: int
    piece: int
    pieces: int


def parts_of(hours: Sequence[Hour], schema: str, bytes_max: int) -> list[Part]:
    """The files of a view's day, in order. `schema` is a text that follows from its columns."""
    parts: list[Part] = []
    held: list[Hour] = []
    for hour in sorted(hours, key=lambda one: one.hour):
        if held and sum(one.bytes for one in held) + hour.bytes > bytes_max:
            parts += _files(held, schema, bytes_max)
            held = []
        held.append(hour)
    return parts + _files(held, schema, bytes_max) if held else parts


def _files(held: Sequence[Hour], schema: str, bytes_max: int) -> list[Part]:
    begin, end = held[0].hour, held[-1].hour + 1
    pieces = max(1, -(-sum(one.bytes for one in held) // bytes_max))
    sums = [f"{one.hour}:{one.rows}:{one.checksum}" for one in held]
    digest = digest_of([schema, *sums])
    where = f"{begin % 24:02}-{(end - 1) % 24:02}"
    return [
        Part(f"{where}-{piece + 1}of{pieces}-{digest}.parquet", begin, end, piece, pieces)
        for piece in range(pieces)
    ]


def digest_of(texts: Iterable[str]) -> str:
    """80 bits of a hash over texts in their order."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:20]
