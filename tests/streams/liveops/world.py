"""All partitions of liveops in memory: the real deciders answer, and the dues are read from their events."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from typing import TypeVar

import msgspec

from schemas.codec import Message
from schemas.edge.ports import Game, Limits
from schemas.envelope import ENVELOPE_VERSION, Command, Outcome
from schemas.identifiers import partition_of
from schemas.liveops import event_windows as ew
from schemas.liveops import events as ev
from schemas.liveops.answers import StartAnswer, outcome_of
from schemas.liveops.commands import COMMANDS, ReportProgress, StartAttempt
from schemas.liveops.definitions import resolve_event
from schemas.liveops.names import event_aggregate, player_aggregate
from schemas.liveops.noun import LIVEOPS_EVENTS
from schemas.liveops.ports import LobbyDueRow, WindowBoard, WindowRow
from schemas.liveops.views import FinalEntry, Grant
from schemas.log import LogRecord
from schemas.outcomes import messages_of
from streams.asking import Asker
from streams.deciders.decide import decide_record
from streams.deciders.fold import Fold
from streams.deciders.liveops.noun import LIVEOPS
from streams.gateway.pending_commands import CommandUnavailable
from tests.streams.deciders.liveops.given import AT_MS, GAME_ID, event

STUDIO_ID = "user_1"
EventT = TypeVar("EventT", bound=Message)


def game_of(definition: dict[str, object], version: int = 1) -> Game:
    """The game with one event."""
    return Game(
        id=GAME_ID,
        studio_id=STUDIO_ID,
        slug="doom",
        name="Doom",
        created_at_ms=0,
        limits=Limits(),
        definition={"events": [definition]},
        definition_version=version,
    )


class World:
    """Satisfies `Commands`, `DueReads` and `PinReads`. `away` says which commands get no answer."""

    partitions = LIVEOPS_EVENTS.partitions
    """Tests run with several counts: see `conftest.py`."""

    def __init__(self, definition: dict[str, object] | None = None) -> None:
        self.at_ms = AT_MS
        self.folds = [Fold(LIVEOPS) for _ in range(self.partitions)]
        self.records: list[LogRecord] = []
        self.happened: list[tuple[int, Message]] = []
        self.asked: list[tuple[int, Message]] = []
        self.away: Callable[[int, Message], bool] = lambda _partition, _body: False
        self.outcomes: dict[str, Outcome] = {}
        resolved = resolve_event(game_of(definition or event()), "frags")
        assert resolved is not None
        self.event = resolved
        window = resolved.window_at(AT_MS)
        assert window is not None
        self.window = window
        self.event_aggregate = event_aggregate(GAME_ID, "frags", window.id)
        self._names = itertools.count(1)

    def asker(self) -> Asker:
        return Asker(self, COMMANDS, clock_ms=lambda: self.at_ms, randomness=self._random)

    def _random(self, size: int) -> bytes:
        return hashlib.sha256(str(next(self._names)).encode()).digest()[:size]

    def partition_of(self, aggregate_id: str) -> int:
        return partition_of(aggregate_id, self.partitions)

    async def stored(self, aggregate_id: str, command_id: str, fingerprint: bytes) -> Outcome | None:
        del aggregate_id, command_id, fingerprint
        return None

    async def submit(
        self, command: Command, *, definition: bytes = b"", partition: int | None = None, fresh: bool = False
    ) -> Outcome:
        del fresh
        where = partition_of(command.aggregate_id, self.partitions) if partition is None else partition
        body = LIVEOPS.commands.decode(command.type, command.body)
        self.asked.append((where, body))
        if self.away(where, body):
            raise CommandUnavailable("away")
        return self.decide(where, command, definition)

    def decide(self, where: int, command: Command, definition: bytes) -> Outcome:
        fold = self.folds[where]
        record = LogRecord(
            topic="liveops.commands",
            partition=where,
            offset=fold.cursor.src + 1,
            appended_at_ms=self.at_ms,
            key=None,
            value=msgspec.msgpack.encode(
                [
                    ENVELOPE_VERSION,
                    "g",
                    "r",
                    [command],
                    {command.definition: definition} if definition else {},
                ]
            ),
        )
        decision = decide_record(LIVEOPS, fold, record)
        assert not decision.dead_letters
        events = LogRecord(
            topic=LIVEOPS_EVENTS.name,
            partition=where,
            offset=fold.cursor.offset,
            appended_at_ms=self.at_ms,
            key=None,
            value=msgspec.msgpack.encode(decision.record),
        )
        fold.advance(decision.state, decision.record, events)
        self.records.append(events)
        (decided,) = decision.record.decided
        messages = messages_of(decided, LIVEOPS.events)
        self.happened += [(where, message) for message in messages]
        outcome = outcome_of(decided, messages)
        assert outcome is not None
        return outcome

    async def ask(self, body: Message, aggregate_id: str) -> Outcome:
        """What a gateway asks, with the event's definition."""
        return await self.asker().ask(
            body,
            aggregate_id=aggregate_id,
            studio_id=STUDIO_ID,
            game_id=GAME_ID,
            reference=self.event.reference,
            definition=self.event.encoded,
        )

    def found(self, kind: type[EventT]) -> list[EventT]:
        return [message for _, message in self.happened if isinstance(message, kind)]

    def grants(self, external_id: str) -> list[Grant]:
        aggregate = player_aggregate(GAME_ID, external_id)
        player = self.folds[partition_of(aggregate, self.partitions)].state.players.get(aggregate)
        return [] if player is None else list(player.grants.values())

    async def play(self, external_id: str, frags: float = 0.0, lobby_id: str = "") -> None:
        """Start an attempt in the window and score."""
        aggregate = player_aggregate(GAME_ID, external_id)
        started = await self.ask(
            StartAttempt(event_key="frags", window_id=self.window.id, lobby_id=lobby_id), aggregate
        )
        attempt = msgspec.msgpack.decode(started.body, type=StartAnswer).attempt
        await self.ask(
            ReportProgress(event_key="frags", attempt_id=attempt.id, mode="increment", metric_value=frags),
            aggregate,
        )

    def closed(self) -> frozenset[int]:
        return frozenset(where for where, message in self.happened if isinstance(message, ew.WindowClosing))

    def boards(self) -> dict[str, WindowBoard]:
        boards = {
            started.attempt.board_id: WindowBoard(
                board_id=started.attempt.board_id, next_chunk=0, frozen=0, finalized=False
            )
            for started in self.found(ev.AttemptStarted)
        }
        for chunk in self.found(ew.BoardChunkFinalized):
            board = boards[chunk.board_id]
            boards[chunk.board_id] = WindowBoard(
                board_id=board.board_id,
                next_chunk=chunk.chunk + 1,
                frozen=board.frozen + len(chunk.entries),
                finalized=False,
            )
        for done in self.found(ew.BoardFinalized):
            boards[done.board_id] = msgspec.structs.replace(boards[done.board_id], finalized=True)
        return boards

    async def windows_over(self, now_ms: int, limit: int) -> list[WindowRow]:
        del limit
        if now_ms < self.window.ends_at_ms or not self.found(ew.WindowOpened):
            return []
        if len(self.closed()) == self.partitions and all(board.finalized for board in self.boards().values()):
            return []
        row = WindowRow(
            studio_id=STUDIO_ID,
            game_id=GAME_ID,
            event_key="frags",
            window_id=self.window.id,
            ends_at_ms=self.window.ends_at_ms,
            reference=self.event.reference,
            definition=self.event.encoded,
            closed_partitions=self.closed(),
        )
        return [row]

    async def pins(
        self, studio_id: str, game_id: str, event_key: str, window_id: str
    ) -> dict[int, WindowRow]:
        return {
            where: WindowRow(
                studio_id=studio_id,
                game_id=game_id,
                event_key=event_key,
                window_id=window_id,
                ends_at_ms=message.ends_at_ms,
                reference=message.reference,
                definition=message.definition,
            )
            for where, message in self.happened
            if isinstance(message, ew.WindowOpened) and message.window_id == window_id
        }

    async def boards_of(self, row: WindowRow, limit: int) -> list[WindowBoard]:
        assert row.window_id == self.window.id
        return sorted(
            (board for board in self.boards().values() if not board.finalized), key=lambda one: one.board_id
        )[:limit]

    async def ranks(self, game_id: str, board_id: str, start: int, count: int) -> list[FinalEntry]:
        assert game_id == GAME_ID
        assert len(self.closed()) == self.partitions, "ranks were read before all partitions were closed"
        latest: dict[str, tuple[float, int, bool]] = {}
        for progress in self.found(ev.AttemptProgressed):
            if progress.entry.board_id == board_id:
                entry = progress.entry
                latest[progress.external_id] = (entry.score, entry.achieved_at_ms, False)
        for scored in self.found(ew.BotsScored):
            for bot in scored.entries:
                if bot.entry.board_id == board_id:
                    latest[bot.bot_id] = (bot.entry.score, bot.entry.achieved_at_ms, True)
        order = sorted(latest.items(), key=lambda item: (-item[1][0], item[1][1], item[0]))
        return [
            FinalEntry(rank=rank, external_id=name, score=score, achieved_at_ms=achieved_at_ms, is_bot=is_bot)
            for rank, (name, (score, achieved_at_ms, is_bot)) in enumerate(order, 1)
        ][start : start + count]

    async def lobbies_due(self, now_ms: int, limit: int) -> list[LobbyDueRow]:
        due: dict[str, int | None] = {}
        for _, message in self.happened:
            match message:
                case ew.LobbyOpened():
                    due[message.lobby_id] = message.fills_at_ms
                case ew.LobbyActivated() | ew.BotsScored():
                    due[message.lobby_id] = message.next_due_ms
                case ew.LobbyClosed():
                    due[message.lobby_id] = None
                case _:
                    continue
        rows = [
            LobbyDueRow(
                studio_id=STUDIO_ID,
                game_id=GAME_ID,
                event_key="frags",
                window_id=self.window.id,
                lobby_id=lobby,
                due_at_ms=at_ms,
            )
            for lobby, at_ms in due.items()
            if at_ms is not None and at_ms <= now_ms
        ]
        return sorted(rows, key=lambda row: row.due_at_ms)[:limit]
