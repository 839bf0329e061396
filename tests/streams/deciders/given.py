"""Given some commands, when another comes, then these events: the studio decider without its shell."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from schemas.codec import Message
from schemas.edge.ports import KeyKind, Limits
from schemas.envelope import Command, CommandRecord, CommandRejected
from schemas.studio.commands import COMMANDS, CreateKey, DefinedGame, DefineStudio
from schemas.studio.games import GameSettings
from streams.deciders.noun import Request
from streams.deciders.studio import STUDIO
from streams.deciders.studio_state import StudioState

AT_MS = 1_800_000_000_000


def seed(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()[:16]


def game(slug: str, game_id: str | None = None, **settings: Any) -> DefinedGame:
    return DefinedGame(id=game_id, settings=GameSettings(slug=slug, name=slug.title(), **settings))


def define(slug: str, *games: DefinedGame, plan: str = "free", name: str = "Studio") -> DefineStudio:
    return DefineStudio(slug=slug, name=name, plan=plan, games=list(games))


def create_key(kind: KeyKind, value: str, game_id: str = "", tester_id: str = "") -> CreateKey:
    return CreateKey(kind=kind, hash=value, game_id=game_id, tester_id=tester_id)


def unlimited() -> Limits:
    return Limits(ingest_per_second=None)


def command_of(
    body: Message,
    command_id: str,
    *,
    studio_id: str = "",
    keyed: bool = True,
    at_ms: int = AT_MS,
) -> Command:
    return Command(
        command_id=command_id,
        type=body.WIRE,
        aggregate_id=studio_id,
        studio_id=studio_id,
        game_id="",
        body=COMMANDS.encode(body),
        at_ms=at_ms,
        seed=seed(command_id),
        fingerprint=hashlib.sha256(COMMANDS.encode(body)).digest(),
        keyed=keyed,
    )


def record_of(*commands: Command, version: int = 1, record_id: str = "r1") -> bytes:
    record = CommandRecord(version=version, gateway_id="g1", record_id=record_id, commands=list(commands))
    return msgspec.msgpack.encode(record)


class Studios:
    """A folded state, and what commands make of it."""

    def __init__(self) -> None:
        self.state: StudioState = STUDIO.initial
        self._count = 0

    def given(self, body: Message, studio: str = "") -> list[Message]:
        """Decide and apply; fails on a refusal."""
        verdict = self.when(body, studio)
        assert isinstance(verdict, tuple), verdict
        for event in verdict:
            self.state = STUDIO.evolve(self.state, event, AT_MS)
        return list(verdict)

    def when(self, body: Message, studio: str = "") -> tuple[Message, ...] | CommandRejected:
        """Decide only."""
        self._count += 1
        studio_id = self.state.studio_ids.get(studio, studio)
        request = Request(
            command_id=f"c{self._count}",
            aggregate_id=studio_id,
            studio_id=studio_id,
            game_id="",
            command=body,
            at_ms=AT_MS,
            seed=seed(f"seed {self._count}"),
        )
        return STUDIO.decide(self.state, request)

    def refusal(self, body: Message, studio: str = "") -> tuple[int, str]:
        verdict = self.when(body, studio)
        assert isinstance(verdict, CommandRejected), verdict
        return verdict.status, verdict.code
