"""What liveops should do, told as simply as possible: dictionaries that are changed in place.

Reads outcomes only to learn ids that the decider chose (attempts, grants); amounts are its own arithmetic.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from schemas.codec import Message
from schemas.liveops.event_windows import GroupAssigned, LobbyActivated, LobbyJoined, WindowClosing
from schemas.liveops.events import (
    AttemptProgressed,
    AttemptStarted,
    CrateOpened,
    GrantClaimed,
    GrantCreated,
    InventoryChanged,
    WalletChanged,
)
from schemas.liveops.views import Grant, GrantEntry

CAP = 3
PER_MINUTE = 20.0
TARGET = 30.0
GROUP_SIZE = 2
LOBBY_SIZE = 2

Purse = Counter[tuple[str, str]]
"""(currency or item, key) -> how many."""


class Model:
    """Balances and grants as they must be."""

    def __init__(self) -> None:
        self.purses: defaultdict[str, Purse] = defaultdict(Counter)
        self.pending: dict[str, tuple[str, Grant]] = {}
        """Grant id -> whose it is, and the grant, until it is claimed or opened."""
        self.done: dict[str, str] = {}
        """Claimed or opened grants, and whose they are."""
        self.best: defaultdict[tuple[str, str], dict[str, float]] = defaultdict(dict)
        """(player, board) -> attempt id -> its score."""

    def add(self, player: str, entry: tuple[str, str], amount: int) -> None:
        self.purses[player][entry] += amount

    def take(self, player: str, entry: tuple[str, str], amount: int) -> int:
        """200 or 409."""
        if self.purses[player][entry] < amount:
            return 409
        self.purses[player][entry] -= amount
        return 200

    def created(self, player: str, grant: Grant) -> None:
        assert grant.id not in self.pending
        assert grant.id not in self.done
        self.pending[grant.id] = player, grant

    def claim(self, player: str, grant_id: str) -> int:
        """200 (moving the entries the first time only), 404 or 409."""
        if self.done.get(grant_id) == player:
            return 200
        owner, grant = self.pending.get(grant_id, ("", None))
        if owner != player or grant is None:
            return 404
        if grant.kind == "crate":
            return 409
        self.done[grant_id] = player
        del self.pending[grant_id]
        for entry in grant.entries:
            self.add(player, (entry.type, entry.key), entry.quantity)
        return 200

    def opened(self, player: str, crate_id: str, contents: Grant, table: list[list[GrantEntry]]) -> None:
        owner, _ = self.pending.pop(crate_id)
        assert owner == player
        assert contents.entries in table
        self.done[crate_id] = player
        self.created(player, contents)

    def total(self, player: str, board: str) -> float:
        return sum(self.best[player, board].values())


def check_log(events: Iterable[tuple[int, Message]]) -> None:
    """What holds of a whole history of any players, read from its events and their times alone."""
    history = list(events)
    _check_ledger(event for _, event in history)
    created = Counter(event.grant.id for _, event in history if isinstance(event, GrantCreated))
    claimed = Counter(event.grant.id for _, event in history if isinstance(event, GrantClaimed))
    opened = Counter(event.crate.id for _, event in history if isinstance(event, CrateOpened))
    for counted in (created, claimed, opened):
        assert all(count == 1 for count in counted.values())
    starts = Counter(
        (event.external_id, event.attempt.window_id)
        for _, event in history
        if isinstance(event, AttemptStarted) and event.attempt_cap is not None
    )
    assert all(count <= CAP for count in starts.values())
    _check_rates(history)
    _check_markers(event for _, event in history)
    _check_places(event for _, event in history)


def _check_ledger(events: Iterator[Message]) -> None:
    balances: defaultdict[str, Purse] = defaultdict(Counter)
    numbers: Counter[str] = Counter()
    for event in events:
        if isinstance(event, WalletChanged | InventoryChanged):
            row, player = event.movement, event.external_id
            numbers[player] += 1
            balances[player][row.type, row.key] += row.amount
            assert row.number == numbers[player]
            assert row.balance == balances[player][row.type, row.key] >= 0


def _check_rates(history: list[tuple[int, Message]]) -> None:
    """No 60 seconds in which one player's metric got through by more than its limit."""
    moved = [
        (at_ms, event.external_id, sum(event.rated.values()))
        for at_ms, event in history
        if isinstance(event, AttemptProgressed)
    ]
    for at_ms, player, _ in moved:
        minute = sum(by for at, who, by in moved if who == player and at_ms - 60_000 < at <= at_ms)
        assert minute <= PER_MINUTE


def _check_markers(events: Iterator[Message]) -> None:
    closed: set[tuple[str, str]] = set()
    for event in events:
        if isinstance(event, WindowClosing):
            closed.add((event.event_key, event.window_id))
        elif isinstance(event, AttemptStarted | AttemptProgressed):
            assert (event.attempt.event_key, event.attempt.window_id) not in closed


def _check_places(events: Iterator[Message]) -> None:
    groups: Counter[tuple[str, int]] = Counter()
    members: defaultdict[str, set[str]] = defaultdict(set)
    for event in events:
        if isinstance(event, GroupAssigned):
            groups[event.window_id, event.group] += 1
        elif isinstance(event, LobbyJoined):
            assert event.external_id not in members[event.lobby_id]
            members[event.lobby_id].add(event.external_id)
        elif isinstance(event, LobbyActivated):
            assert {member.external_id for member in event.players} == members[event.lobby_id]
            assert len(event.players) + len(event.bots) <= LOBBY_SIZE
    assert all(count <= GROUP_SIZE for count in groups.values())
