"""What must be true of windows, ranks, rank rewards and lobbies once everything is at rest.

Ranks are compared with a model that knows nothing of chunks, markers or sorted sets: the last entry of each
player and bot that the log accepted, sorted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from deploy.lab.simulation.liveops.game import DUEL
from projections.liveops import keys
from schemas.liveops import event_windows as happened
from schemas.liveops.events import EVENTS, AttemptProgressed, AttemptStarted, GrantCreated
from streams.liveops.rank_rewards import gifts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.lab.simulation.stage import Stage
    from schemas.codec import Message
    from schemas.envelope import Decided, EventsRecord
    from schemas.liveops.views import BoardEntry

Place = tuple[float, int, str]
"""Score (its sign turned where most is best), when it was reached, and who: the smallest is first."""


class History:
    """What the log says of windows, to any reader."""

    def __init__(self) -> None:
        self.opened: dict[str, int] = {}
        """Window to its end."""
        self.boards: dict[str, dict[str, Place]] = defaultdict(dict)
        self.window_of: dict[str, str] = {}
        self.played: set[str] = set()
        """Boards on which an attempt was started: one with bots alone does not exist."""
        self.frozen: dict[str, list[str]] = defaultdict(list)
        self.finalized: Counter[str] = Counter()
        self.wanted: Counter[tuple[str, int, str]] = Counter()
        """(player, rank, trigger) of each rank reward that a frozen chunk has earned, by board."""
        self.given: Counter[tuple[str, int, str]] = Counter()
        self.lobbies: dict[str, str] = {}
        self.joined: dict[str, list[str]] = defaultdict(list)
        self.sizes: dict[str, int] = {}
        self.versions: dict[str, set[str]] = defaultdict(set)
        """By window: the definitions that it was opened with and that attempts were played by."""

    def add(self, message: Message) -> None:
        """Take in one accepted event."""
        match message:
            case happened.WindowOpened():
                self.opened[_window(message)] = message.ends_at_ms
                self.versions[_window(message)].add(message.reference)
            case AttemptStarted():
                attempt = message.attempt
                self.played.add(attempt.board_id)
                self.versions[f"{attempt.event_key}/{attempt.window_id}"].add(message.definition)
            case AttemptProgressed():
                entry = message.entry
                self.window_of[entry.board_id] = f"{message.attempt.event_key}/{message.attempt.window_id}"
                who = f":{message.external_id}"
                self.boards[entry.board_id][who] = _place(entry, who)
            case happened.BotsScored():
                for scored in message.entries:
                    who = f";{scored.bot_id}"
                    self.window_of[scored.entry.board_id] = _window(message)
                    self.boards[scored.entry.board_id][who] = _place(scored.entry, who)
            case happened.BoardChunkFinalized():
                self.frozen[message.board_id] += [
                    f"{';' if one.is_bot else ':'}{one.external_id}" for one in message.entries
                ]
            case happened.BoardFinalized():
                self.finalized[message.board_id] += 1
            case GrantCreated() if message.grant.board_id and message.grant.rank:
                grant = message.grant
                self.given[f"{grant.board_id}:{message.external_id}", grant.rank or 0, grant.trigger] += 1
            case _:
                self._add_of_lobby(message)

    def _add_of_lobby(self, message: Message) -> None:
        match message:
            case happened.LobbyOpened():
                self.lobbies[message.lobby_id] = "forming"
                self.sizes[message.lobby_id] = message.size
            case happened.LobbyJoined():
                self.joined[message.lobby_id].append(message.external_id)
            case happened.LobbyActivated():
                self.lobbies[message.lobby_id] = "active"
            case happened.LobbyClosed():
                self.lobbies[message.lobby_id] = "closed"
            case _:
                return


def history(stage: Stage) -> History:
    """What the accepted events of all partitions say, by the `src` rule alone."""
    found = History()
    for record in _accepted(stage):
        for gift in gifts(record):
            name = f"{gift.command.board_id}:{gift.external_id}"
            found.wanted[name, gift.command.rank, gift.command.trigger] += 1
        for decided in record.decided:
            for message in _messages(decided):
                found.add(message)
    return found


def is_settled(stage: Stage) -> bool:
    """Whether every rank reward that is due has been given."""
    found = history(stage)
    return found.given == found.wanted


def problems_of_time(stage: Stage) -> list[str]:
    """Every promise about time that does not hold, a line each."""
    logged = history(stage)
    now_ms = stage.faults.now_ms()
    over = {window for window, ends_at_ms in logged.opened.items() if ends_at_ms <= now_ms}
    found = [
        f"window {name} is over and still waits"
        for name, ends_at_ms in stage.redis.live.values.get(keys.WINDOWS, {}).items()
        if ends_at_ms <= now_ms
    ]
    found += [
        f"window {window} is played by {len(versions)} versions"
        for window, versions in logged.versions.items()
        if len(versions) > 1
    ]
    for board, places in logged.boards.items():
        if logged.window_of[board] not in over or board not in logged.played:
            continue
        if logged.finalized[board] != 1:
            found.append(f"board {board} was finalized {logged.finalized[board]} times")
        ranked = [who for _, _, who in sorted(places.values())]
        if logged.frozen[board] != ranked:
            found.append(f"board {board} froze {logged.frozen[board]}, the log gives {ranked}")
    if logged.given != logged.wanted:
        found.append(
            f"rank rewards given {logged.given - logged.wanted}, missing {logged.wanted - logged.given}"
        )
    if any(count != 1 for count in logged.given.values()):
        found.append("a rank reward was given twice")
    for lobby, players in logged.joined.items():
        if len(set(players)) != len(players) or len(players) > logged.sizes[lobby]:
            found.append(f"lobby {lobby} of {logged.sizes[lobby]} has {players}")
    duels = {window for window in logged.opened if window.startswith(f"{DUEL}/")}
    if duels <= over:
        found += [
            f"lobby {lobby} is {now} at rest" for lobby, now in logged.lobbies.items() if now != "closed"
        ]
    return found


def _accepted(stage: Stage) -> Iterator[EventsRecord]:
    for partition in range(stage.partitions):
        for _, events in stage.accepted(partition):
            yield events


def _messages(decided: Decided) -> Iterator[Message]:
    for event in decided.events:
        if event.type in EVENTS.wire_names:
            yield EVENTS.decode(event.type, event.data)


def _place(entry: BoardEntry, who: str) -> Place:
    score = -entry.score if entry.order == "desc" else entry.score
    return score, entry.achieved_at_ms, who


def _window(event: happened.MarkerEvent | happened.EventWindowEvent) -> str:
    return f"{event.event_key}/{event.window_id}"
