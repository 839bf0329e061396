"""How many of this process's streams one game, and one address of it, may hold open. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from schemas.edge.proxy import counted_address
from schemas.edge.sdk_limits import stream_limits

if TYPE_CHECKING:
    from schemas.edge.ports import Game


class Share(msgspec.Struct, frozen=True):
    """A part of the process's listeners: who has it, and how many there may be."""

    name: str
    scope: str
    """`game` or `address`, for the error's text."""
    most: int


def shares_of(game: Game, ip: str) -> Iterator[Share]:
    """The quotas of which a stream takes a share: of its client's address and of its game."""
    by_address, by_game = stream_limits(game.limits)
    if by_address is not None:
        yield Share(f"{game.id} {counted_address(ip)}", "address", by_address)
    if by_game is not None:
        yield Share(game.id, "game", by_game)


class Crowded(Exception):
    """A share is used up."""

    def __init__(self, share: Share) -> None:
        super().__init__(f"this {share.scope} has {share.most} streams open here, which is as many as it may")
        self.share = share


class Shares:
    """What is in use."""

    def __init__(self) -> None:
        self._used: Counter[str] = Counter()

    def take(self, shares: Iterable[Share]) -> None:
        """One of each, or none. Raises Crowded."""
        taken = list(shares)
        for share in taken:
            if self._used[share.name] >= share.most:
                raise Crowded(share)
        for share in taken:
            self._used[share.name] += 1

    def give_back(self, shares: Iterable[Share]) -> None:
        """What was taken."""
        for share in shares:
            self._used[share.name] -= 1
            if not self._used[share.name]:
                del self._used[share.name]
