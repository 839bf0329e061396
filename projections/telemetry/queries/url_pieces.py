"""Ids for queries: parameters travel in the URL, which has a length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

_BYTES_MAX: Final = 8_000
_QUOTES: Final = 3


def in_pieces(items: Sequence[T], id_of: Callable[[T], str]) -> list[list[T]]:
    """The items in order, in lists whose ids fit into one query's parameters."""
    pieces: list[list[T]] = []
    room = 0
    for item in items:
        size = len(id_of(item).encode()) + _QUOTES
        if room < size or not pieces:
            pieces.append([])
            room = _BYTES_MAX
        pieces[-1].append(item)
        room -= size
    return pieces
