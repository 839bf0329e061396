"""Given some commands, when another comes, then these events: the liveops decider without its shell."""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

import msgspec

from schemas.codec import Message
from schemas.edge.ports import Game, Limits
from schemas.envelope import Command, CommandRecord, CommandRejected
from schemas.liveops.commands import COMMANDS, StartAttempt
from schemas.liveops.definitions import ResolvedEvent, resolve_event
from schemas.liveops.events import AttemptStarted
from schemas.liveops.names import event_aggregate, player_aggregate, window_aggregate
from streams.deciders.liveops.noun import LIVEOPS
from streams.deciders.liveops.state import LiveopsState, Player
from streams.deciders.noun import Request

AT_MS = 1_800_000_000_000
WINDOW_MS = 3_600_000
GAME_ID = "game_1"
EventT = TypeVar("EventT", bound=Message)

GOLD = {"type": "currency", "key": "gold", "quantity": 50}
MEDKIT = {"type": "item", "key": "medkit", "quantity": 1}
CRATE = {"table": [{"weight": 9, "entries": [MEDKIT]}, {"weight": 1, "entries": [GOLD]}]}


def event(event_key: str = "frags", **more: Any) -> dict[str, Any]:
    """An event's definition as the directory has it: hourly, one metric, score = frags."""
    return {
        "eventKey": event_key,
        "name": event_key,
        "mode": "global",
        "window": {"every": "hour"},
        "metrics": {"frags": {}},
        "scoreFormula": "frags",
    } | more


def seed(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()[:16]


class Liveops:
    """A folded partition, the game's events, and a clock that commands move."""

    def __init__(self, *events: dict[str, Any]) -> None:
        self.state: LiveopsState = LIVEOPS.initial
        self.at_ms = AT_MS
        self.count = 0
        self.events: dict[str, ResolvedEvent] = {}
        self.define(*(events or (event(),)))

    def define(self, *events: dict[str, Any], version: int = 1) -> None:
        """The definitions that commands are resolved with from now on."""
        game = Game(
            id=GAME_ID,
            studio_id="user_1",
            slug="doom",
            name="Doom",
            created_at_ms=0,
            limits=Limits(),
            definition={"events": list(events)},
            definition_version=version,
        )
        for definition in events:
            resolved = resolve_event(game, definition["eventKey"])
            assert resolved is not None
            self.events[resolved.definition.event_key] = resolved

    def window(self, event_key: str = "frags") -> str:
        """The id of the window that is open now."""
        window = self.events[event_key].window_at(self.at_ms)
        assert window is not None
        return window.id

    def player(self, external_id: str = "ann") -> Player:
        return self.state.players[player_aggregate(GAME_ID, external_id)]

    def when(
        self, body: Message, external_id: str = "ann", **more: Any
    ) -> tuple[Message, ...] | CommandRejected:
        """Decide only, through the codec as the shell does."""
        return LIVEOPS.decide(self.state, self.request(body, external_id, **more))

    def given(self, body: Message, external_id: str = "ann", **more: Any) -> list[Message]:
        """Decide and apply; fails on a refusal."""
        verdict = self.when(body, external_id, **more)
        assert isinstance(verdict, tuple), verdict
        events = [LIVEOPS.events.decode(event.WIRE, LIVEOPS.events.encode(event)) for event in verdict]
        for happened in events:
            before = LIVEOPS.sequence(self.state, LIVEOPS.aggregate_of(happened))
            self.state = LIVEOPS.evolve(self.state, happened, self.at_ms)
            assert LIVEOPS.sequence(self.state, LIVEOPS.aggregate_of(happened)) == before + 1
        return events

    def refusal(self, body: Message, external_id: str = "ann", **more: Any) -> tuple[int, object]:
        """Status, and the reason where there is one, else the code."""
        verdict = self.when(body, external_id, **more)
        assert isinstance(verdict, CommandRejected), verdict
        return verdict.status, verdict.details.get("reason", verdict.code)

    def start(self, external_id: str = "ann", event_key: str = "frags", **more: Any) -> AttemptStarted:
        """Start an attempt."""
        command = StartAttempt(event_key=event_key, window_id=self.window(event_key), **more)
        return only(AttemptStarted, self.given(command, external_id))

    def request(self, body: Message, external_id: str = "ann", *, defined: bool = True) -> Request:
        self.count += 1
        name = f"c{self.count}"
        resolved = self.events.get(getattr(body, "event_key", "")) if defined else None
        return Request(
            command_id=name,
            aggregate_id=aggregate(body, external_id),
            studio_id="user_1",
            game_id=GAME_ID,
            command=COMMANDS.decode(body.WIRE, COMMANDS.encode(body)),
            at_ms=max(self.at_ms, self.state.time_ms),
            seed=seed(name),
            definition=resolved.encoded if resolved else None,
            reference=resolved.reference if resolved else "",
        )


def aggregate(body: Any, external_id: str) -> str:
    """Whom a command is for, as the gateways and process managers choose it."""
    kind = body.WIRE.removeprefix("liveops.").removesuffix(".v1")
    if kind in {"event-join", "lobby-due", "lobbies-settle", "board-finalize", "window-open"}:
        return event_aggregate(GAME_ID, body.event_key, body.window_id)
    if kind == "window-close":
        return window_aggregate(GAME_ID, body.event_key, body.window_id)
    return player_aggregate(GAME_ID, external_id)


def only(kind: type[EventT], events: list[Message] | tuple[Message, ...]) -> EventT:
    """The one event of a kind."""
    (found,) = [event for event in events if isinstance(event, kind)]
    return found


def kinds(events: list[Message] | tuple[Message, ...]) -> list[str]:
    return [type(event).__name__ for event in events]


def command_of(request: Request, *, keyed: bool, at_ms: int) -> Command:
    """A request as it travels."""
    body = COMMANDS.encode(request.command)
    return Command(
        command_id=request.command_id,
        type=request.command.WIRE,
        aggregate_id=request.aggregate_id,
        studio_id=request.studio_id,
        game_id=request.game_id,
        body=body,
        at_ms=at_ms,
        seed=request.seed,
        fingerprint=hashlib.sha256(body).digest(),
        keyed=keyed,
        definition=request.reference,
    )


def record_of(requests: list[Request], *, keyed: bool = True) -> bytes:
    """One command record of requests, with the definitions they name."""
    record = CommandRecord(
        version=1,
        gateway_id="g1",
        record_id="r1",
        commands=[command_of(request, keyed=keyed, at_ms=request.at_ms) for request in requests],
        definitions={request.reference: request.definition for request in requests if request.definition},
    )
    return msgspec.msgpack.encode(record)
