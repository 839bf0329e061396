"""A studio that asks an AI: the real decider and projection over lists and maps, a provider on loopback."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from projections.studio.projection import project
from schemas.codec import Message
from schemas.edge.ports import Studio
from schemas.envelope import Command, CommandRejected, Outcome
from schemas.seal import Sealer
from schemas.studio.ai import AiKey, AiPurpose, sealed_key
from schemas.studio.ai_requests import AiAnswer, AiRequest, AiText
from schemas.studio.commands import COMMANDS, RequestAi, SetAiKey
from schemas.studio.definitions import load_definitions
from schemas.studio.events import EVENTS
from schemas.topics import Topic
from streams.ai.asking import AiAsking
from streams.ai.providers import Providers
from streams.ai.runner import AiRunner
from streams.asking import Asker
from streams.deciders.noun import Request
from streams.deciders.studio import STUDIO
from streams.deciders.studio_ai_state import StudioAi
from streams.effect_reader import Reading
from streams.gateway.pending_commands import CommandUnavailable
from tests.ai_server import AiServer
from tests.streams.read_log import ReadLog

TOPIC = Topic(name="studio.events", partitions=1, description="")
AT_MS = 1_800_000_000_000
KEY = "sk-a-value-that-nobody-may-see"
SEALER = Sealer(b"the deployment's secret")


class AiWorld(ReadLog):
    """Commands are decided at once, their events are a record of the log and applied to `stored`."""

    def __init__(self, server: AiServer, monthly_tokens: int = 1_000_000, provider: str = "openai") -> None:
        super().__init__()
        self.server = server
        self.now_ms = AT_MS
        self.state = STUDIO.initial
        self.stored: dict[str, dict[str, Any]] = defaultdict(dict)
        self.asked: list[Message] = []
        self.runners: list[AiRunner] = []
        self.lost_answers = 0
        """So many commands are decided, and their outcomes never come."""
        base = server.openai_url if provider == "openai" else server.google_url
        self.given(
            load_definitions(
                f"studio: {{slug: a, name: A, ai: {{monthlyTokens: {monthly_tokens}, "
                f"chat: {{provider: {provider}, baseUrl: '{base}'}}, "
                f"embedding: {{provider: {provider}, baseUrl: '{base}'}}}}}}"
            )
        )
        self.studio_id = self.state.studio_ids["a"]
        self.asking = AiAsking(self, self.asker(), clock_ms=lambda: self.now_ms, wait_s=10)

    @property
    def ai(self) -> StudioAi:
        return self.state.ai[self.studio_id]

    def set_key(self, purpose: AiPurpose) -> None:
        sealed = sealed_key(SEALER, self.studio_id, purpose, KEY, secrets.token_bytes)
        self.given(SetAiKey(purpose=purpose, sealed=sealed))

    def asker(self) -> Asker:
        return Asker(self, COMMANDS, clock_ms=lambda: self.now_ms, randomness=secrets.token_bytes)

    def runner(self, name: str, **how: Any) -> AiRunner:
        allowed: list[Any] = [ipaddress.ip_network("127.0.0.0/8")]

        async def pause(_: float) -> None:
            """Takes no time."""

        made = AiRunner(
            self.asker(),
            Reading(TOPIC, self, self),
            reads=self,
            sealer=SEALER,
            providers=Providers(allowed, pause=pause, answer_s=how.pop("answer_s", 5.0)),
            name=name,
            again_s=0.001,
            **how,
        )
        self.runners.append(made)
        return made

    async def close(self) -> None:
        for runner in self.runners:
            await runner.revoked(0)

    async def read_all(self, runner: AiRunner, offset: int) -> int:
        """Hand a runner what is in the log from an offset; the next one."""
        for record in self.records[offset:]:
            await runner.handle(record)
            offset = record.offset + 1
        return offset

    async def run(self, runner: AiRunner) -> None:
        """A runner that is just assigned reads, works and reads again, until nothing is left to do."""
        offset = await runner.assigned(0)
        while True:
            offset = await self.read_all(runner, offset)
            await runner.idle(self.now_ms)
            await runner.settle()
            if offset == len(self.records):
                return

    def ask(self, request: AiRequest) -> list[Message]:
        return self.given(RequestAi(request=request))

    def given(self, body: Message) -> list[Message]:
        verdict = self._decide(body)
        assert isinstance(verdict, tuple), verdict
        return list(verdict)

    async def submit(
        self, command: Command, *, definition: bytes = b"", partition: int | None = None
    ) -> Outcome:
        del definition, partition
        body = COMMANDS.decode(command.type, command.body)
        self.asked.append(body)
        verdict = self._decide(body)
        if self.lost_answers:
            self.lost_answers -= 1
            raise CommandUnavailable("no outcome in time")
        if isinstance(verdict, CommandRejected):
            refusal = msgspec.msgpack.encode(verdict)
            return Outcome(command_id="", fingerprint=b"", status=verdict.status, body=refusal)
        return Outcome(command_id="", fingerprint=b"", status=200, body=b"")

    def _decide(self, body: Message) -> Any:
        studio_id = self.state.studio_ids.get("a", "")
        request = Request(
            command_id="c",
            aggregate_id=studio_id,
            studio_id=studio_id,
            game_id="",
            command=body,
            at_ms=self.now_ms,
            seed=hashlib.sha256(b"seed").digest()[:16],
        )
        verdict = STUDIO.decide(self.state, request)
        if isinstance(verdict, CommandRejected):
            return verdict
        for event in verdict:
            self.state = STUDIO.evolve(self.state, event, self.now_ms)
        decided = self.decided(TOPIC, EVENTS, verdict, studio_id=studio_id, at_ms=self.now_ms)
        for operation in project(decided, verdict, self.now_ms, 0):
            kind, key, field, *value = operation
            if kind == "hset":
                self.stored[str(key)][str(field)] = value[0]
            else:
                self.stored[str(key)].pop(str(field), None)
        return verdict

    def _one(self, key: str, field: str, kind: Any) -> Any:
        value = self.stored[key].get(field)
        return None if value is None else msgspec.msgpack.decode(value, type=kind)

    async def studio(self, studio_id: str) -> Studio | None:
        found: Studio | None = self._one("studios", studio_id, Studio)
        return found

    async def ai_keys(self, studio_id: str) -> dict[str, AiKey]:
        key = f"ai-keys:{studio_id}"
        return {purpose: self._one(key, purpose, AiKey) for purpose in self.stored[key]}

    async def ai_answer(self, studio_id: str, request_hash: str) -> AiAnswer | None:
        found: AiAnswer | None = self._one(f"ai-answers:{studio_id}", request_hash, AiAnswer)
        return found

    async def ai_texts(self, studio_id: str, keys: Sequence[str]) -> list[AiText | None]:
        return [self._one(f"ai-texts:{studio_id}", key, AiText) for key in keys]

    async def ai_vectors(self, studio_id: str, ids: Sequence[str]) -> list[bytes | None]:
        return [self.stored[f"ai-vectors:{studio_id}"].get(one) for one in ids]
