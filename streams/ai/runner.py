"""Asks providers what the log says is to be asked: each request by one worker, once.

A worker tells the log before it calls. So one that dies in mid-call leaves a request that was perhaps paid:
it is not called for again, and when no process can still be waiting, it is closed as failed, with all that it
can have taken. A replay finds its requests done or taken, and calls no provider.
Source: the analytics contract, "AI".
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Coroutine
from typing import Any, Final, Protocol

import msgspec

from schemas.codec import Message
from schemas.edge.ports import StoreUnavailable, Studio
from schemas.envelope import EventsRecord
from schemas.log import LogRecord
from schemas.log_positions import Position
from schemas.seal import SealBroken, Sealer
from schemas.studio.ai import AiKey, AiModel, ai_of, open_key
from schemas.studio.ai_requests import LEASE_MS, AiResult
from schemas.studio.commands import FinishAi, PauseAiKey, StartAi
from schemas.studio.events import EVENTS, AiCallStarted, AiFinished, AiRequested
from streams.ai.calls import Called, ask_chat, ask_embedder
from streams.ai.providers import Providers
from streams.asking import Asker, CommandRefused
from streams.effect_reader import EffectReader, Reading
from streams.gateway.pending_commands import CommandTooLarge, CommandUnavailable

AT_ONCE: Final = 4
"""Calls of one studio."""
CALL_S_MAX: Final = 100.0
"""Of one request, repeats and pauses included: well below LEASE_MS."""
AGAIN_S: Final = 0.5
AGAIN_S_MAX: Final = 10.0

_WANTED: Final = {kind.WIRE: kind for kind in (AiRequested, AiCallStarted, AiFinished)}
_MARKS: Final = tuple(wire.encode() for wire in _WANTED)
_decoder: Final = msgspec.msgpack.Decoder(EventsRecord)
_log: Final = logging.getLogger(__name__)

Key = tuple[str, str]
"""Studio and hash of the request."""


class AiReads(Protocol):
    """What is known of a studio. Raises StoreUnavailable."""

    async def studio(self, studio_id: str) -> Studio | None:
        """A studio by id."""
        ...

    async def ai_keys(self, studio_id: str) -> dict[str, AiKey]:
        """Its keys by purpose, sealed."""
        ...


class _Open(msgspec.Struct, kw_only=True):
    """A request that is not done, as the log has it so far."""

    event: AiRequested
    partition: int
    before: Position
    """The position before its record."""
    started_at_ms: int | None = None
    runner: str = ""


class _WithKey(Called, frozen=True, kw_only=True):
    """What came of a call, and the key that was used."""

    key: AiKey | None = None


class _Unusable(Exception):
    """Nothing can be asked; the message says why."""


class AiRunner(EffectReader):
    """Reads the studio's events and asks providers. Two of them on one partition are harmless."""

    def __init__(
        self,
        asker: Asker,
        reading: Reading,
        *,
        reads: AiReads,
        sealer: Sealer,
        providers: Providers,
        name: str,
        again_s: float = AGAIN_S,
        call_s_max: float = CALL_S_MAX,
    ) -> None:
        """`name` is this process's own, and no other's ever."""
        super().__init__("requests to AI providers", reading)
        self._asker = asker
        self._reads = reads
        self._sealer = sealer
        self._providers = providers
        self._name = name
        self._again_s = again_s
        self._call_s_max = call_s_max
        self._open: dict[Key, _Open] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._now_ms = 0
        self._at_once: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE))

    async def take(self, record: LogRecord) -> bool:
        """Note what is to be asked, is being asked, and is done. No provider is called on return."""
        if not any(mark in record.value for mark in _MARKS):
            return False
        before = self._cursors[record.partition].position
        for decided in _decoder.decode(record.value).decided:
            for event in decided.events:
                if event.type in _WANTED:
                    self._note(EVENTS.decode(event.type, event.data), record.partition, before)
        return False

    def done(self, partition: int) -> Position:
        """Before the oldest request that is not done."""
        waiting = [one.before for one in self._open.values() if one.partition == partition]
        return min((*waiting, super().done(partition)), key=lambda position: position.offset)

    async def idle(self, now_ms: int) -> None:
        """Begin what no worker has begun, close what was left; keep the position."""
        self._now_ms = now_ms
        for key, one in list(self._open.items()):
            if key in self._tasks:
                continue
            if one.started_at_ms is None:
                self._begin(key, self._ask(one))
            elif now_ms >= one.started_at_ms + LEASE_MS:
                self._begin(key, self._close_left(one))
        await super().idle(now_ms)

    async def settle(self) -> None:
        """Return when what was begun is done."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))
            await asyncio.sleep(0)  # lets each leave the table

    async def revoked(self, partition: int) -> None:
        """Forget the partition. What is being asked is stopped: it counts as perhaps paid."""
        await super().revoked(partition)
        own = [key for key, one in self._open.items() if one.partition == partition]
        tasks = [self._tasks[key] for key in own if key in self._tasks]
        for key in own:
            del self._open[key]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if not self._cursors:
            await self._providers.close()

    def _note(self, event: Any, partition: int, before: Position) -> None:
        match event:
            case AiRequested():
                key = (event.studio_id, event.hash)
                self._open[key] = _Open(event=event, partition=partition, before=before)
            case AiCallStarted():
                one = self._open.get((event.studio_id, event.hash))
                if one is not None:
                    one.started_at_ms, one.runner = event.started_at_ms, event.runner
            case AiFinished():
                self._open.pop((event.studio_id, event.hash), None)
            case _:
                raise TypeError(f"{type(event).__name__} is no event of a request")

    def _begin(self, key: Key, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(job)
        self._tasks[key] = task
        task.add_done_callback(lambda done: self._ended(key, done))

    def _ended(self, key: Key, task: asyncio.Task[None]) -> None:
        self._tasks.pop(key, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a request to an AI provider failed unforeseen", exc_info=error)

    async def _ask(self, one: _Open) -> None:
        """Tell the log, call, tell the log."""
        event = one.event
        async with self._at_once[event.studio_id]:
            start = StartAi(hash=event.hash, attempt=event.attempt, runner=self._name)
            if not await self._append(event, start):
                return  # another worker calls, or it is done: the log will say so here too
            if one.started_at_ms is None:
                one.started_at_ms = self._now_ms
            called = await self._called(event)
            await self._append(event, FinishAi(hash=event.hash, attempt=event.attempt, result=called.result))
        if called.key is not None and called.key_refused:
            key = called.key
            pause = PauseAiKey(purpose=key.purpose, version=key.version, status=called.key_refused)
            await self._append(event, pause)

    async def _called(self, event: AiRequested) -> _WithKey:
        request = event.request
        try:
            model, key, value = await self._asked_with(event)
        except _Unusable as unusable:
            return _WithKey(result=AiResult(status="ai_error", tokens=0, why=str(unusable)))
        try:
            async with asyncio.timeout(self._call_s_max):
                if request.purpose == "embedding":
                    called = await ask_embedder(self._providers.embedder(model, value), request)
                else:
                    called = await ask_chat(self._providers.chat(model, value), request)
        except TimeoutError:
            why = "the provider did not answer in time"
            return _WithKey(result=AiResult(status="ai_error", tokens=request.tokens_max, why=why))
        return _WithKey(result=called.result, key=key, key_refused=called.key_refused)

    async def _asked_with(self, event: AiRequested) -> tuple[AiModel, AiKey | None, str]:
        """The model as the studio has it now, and its key, opened. Raises _Unusable."""
        pause = self._again_s
        while True:
            try:
                studio = await self._reads.studio(event.studio_id)
                keys = await self._reads.ai_keys(event.studio_id)
                break
            except StoreUnavailable as error:
                _log.warning("a request to an AI provider waits: %s", error)
            await asyncio.sleep(pause)
            pause = min(AGAIN_S_MAX, 2 * pause)
        request = event.request
        model = ai_of(studio.ai).model(request.purpose) if studio is not None else None
        if model is None or model.id != request.model_id:
            raise _Unusable("the studio asks another model now")
        if model.provider == "local":
            return model, None, ""
        key = keys.get(request.purpose)
        if key is None or not key.usable:
            raise _Unusable("the key was cleared or refused meanwhile")
        try:
            return model, key, open_key(self._sealer, event.studio_id, key)
        except SealBroken as broken:
            _log.error("the key of studio %s for %s: %s", event.studio_id, request.purpose, broken)
            raise _Unusable("the key does not open: set it anew") from None

    async def _close_left(self, one: _Open) -> None:
        """A call whose end is unknown was perhaps paid, whole."""
        event = one.event
        why = "the worker ended while it waited for the provider"
        result = AiResult(status="ai_error", tokens=event.request.tokens_max, why=why)
        await self._append(event, FinishAi(hash=event.hash, attempt=event.attempt, result=result))

    async def _append(self, event: AiRequested, command: Message) -> bool:
        """Whether the log took a command, asked until it says."""
        pause = self._again_s
        while True:
            try:
                await self._asker.ask(
                    command, aggregate_id=event.studio_id, studio_id=event.studio_id, game_id=""
                )
            except (CommandUnavailable, StoreUnavailable) as error:
                _log.warning("a request to an AI provider waits: %s", error)
            except (CommandRefused, CommandTooLarge) as error:
                _log.info("%s", error)
                return False
            else:
                return True
            await asyncio.sleep(pause)
            pause = min(AGAIN_S_MAX, 2 * pause)
