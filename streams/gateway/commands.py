"""CommandClient: submits commands and gives their stored outcomes, one record in flight for each partition.

For each partition one record is in flight until its notification is back (or WINDOW_S); what arrives
meanwhile goes into the next. At one request a time nothing waits; under load every fixed cost is shared. The
notification is only a hint: outcomes are always read from the store, so a lost or doubled one costs time and
nothing else. Source: rules 8 to 11 of the write path.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from prometheus_client import Counter, Histogram

from schemas.edge.ports import StoreUnavailable
from schemas.envelope import ENVELOPE_VERSION, Command, CommandRecord, Outcome
from schemas.identifiers import partition_of
from schemas.log import Appender, LogUnavailable
from schemas.outcomes import Sought
from schemas.topics import Topic
from streams.gateway.answers import Answers
from streams.gateway.pending_commands import (
    OTHER_BODY,
    CommandConflict,
    CommandQueue,
    CommandTooLarge,
    CommandUnavailable,
    Deadlines,
    PendingCommand,
    SentRecord,
)
from streams.gateway.stored_outcomes import StoredOutcomes

WINDOW_S: Final = 2.0
"""How long a partition waits for a notification before its next record may go."""
ANSWER_S: Final = 5.0
"""How long a command waits for its outcome, from its submission; then the outcome is unknown: 503."""
WAITING_MAX: Final = 4096
"""Commands in line for one partition; the next is 503 at once."""
ENVELOPE_BYTES: Final = 256
"""What a command's other fields take at most, for counting a record's size."""

_SIZES = Histogram(
    "questlog_command_record_commands",
    "Commands in each appended record.",
    ["topic"],
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
)
_UNANSWERED = Counter(
    "questlog_commands_unanswered", "Commands answered 503, by reason.", ["topic", "reason"]
)
_log = logging.getLogger(__name__)
_encoder = msgspec.msgpack.Encoder()


class CommandClient:
    """Submits commands of one noun. One per process and noun; `start` before, `stop` after."""

    def __init__(
        self,
        *,
        topic: Topic,
        appender: Appender,
        answers: Answers,
        gateway_id: str,
        new_record_id: Callable[[], str],
        window_s: float = WINDOW_S,
        answer_s: float = ANSWER_S,
    ) -> None:
        self._topic = topic
        self._appender = appender
        self._answers = answers
        self._stored = StoredOutcomes(answers)
        self._gateway_id = gateway_id
        self._new_record_id = new_record_id
        self._window_s = window_s
        self._answer_s = answer_s
        self._up = asyncio.Event()
        self._lines: dict[int, CommandQueue] = {}
        self._runners: dict[int, asyncio.Task[None]] = {}
        self._sent: dict[str, SentRecord] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._deadlines = Deadlines(lambda waiting: self._fail([waiting], "no-outcome"))
        self._listener: asyncio.Task[None] | None = None

    @property
    def partitions(self) -> int:
        """The noun's partition count."""
        return self._topic.partitions

    async def start(self) -> None:
        """Begin to listen. Returns at once; `submit` waits for the subscription, so nothing is lost."""
        self._listener = asyncio.create_task(
            self._answers.listen(self._gateway_id, self._woken, self._missed, self._up)
        )

    async def stop(self) -> None:
        """Answer everything outstanding with CommandUnavailable and stop listening."""
        tasks = [*self._runners.values(), *self._tasks]
        if self._listener is not None:
            tasks.append(self._listener)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._stored.close()
        for line in self._lines.values():
            self._fail(line.commands, "stopping")
        for sent in self._sent.values():
            self._fail(sent.commands, "stopping")
        self._sent.clear()

    async def submit(
        self,
        command: Command,
        *,
        definition: bytes = b"",
        partition: int | None = None,
        fresh: bool = False,
    ) -> Outcome:
        """The stored outcome of a command: this one's, or of an earlier one with the same id and fingerprint.

        `definition` is what `command.definition` names, carried once a record. `partition` is for commands
        that every partition decides for itself; without it the field that the topic's `key` names says where.
        `fresh` says that the id was made for this call, so that no earlier outcome need be looked for. Raises
        CommandConflict (409), CommandUnavailable (503) and CommandTooLarge (413). Cancelling stops the
        waiting, not the command.
        """
        size = len(command.body) + len(definition) + ENVELOPE_BYTES
        most = self._topic.command_record_bytes_max
        if size > most:
            raise CommandTooLarge(f"a command may take {most} bytes, this one takes {size}")
        if not self._up.is_set():
            try:
                async with asyncio.timeout(1.0):
                    await self._up.wait()
            except TimeoutError:
                raise self._unavailable("not-subscribed") from None
        if partition is None:
            partition = partition_of(getattr(command, self._topic.key), self._topic.partitions)
        elif not 0 <= partition < self._topic.partitions:
            raise ValueError(f"{self._topic.name} has no partition {partition}")
        line = self._lines.get(partition)
        if line is None:
            line = self._lines[partition] = CommandQueue()
        if len(line) >= WAITING_MAX:
            raise self._unavailable("line-full")
        waiting = PendingCommand(
            command=command,
            definition=definition,
            size=size,
            fresh=fresh,
            answer=self._deadlines.loop.create_future(),
            deadline=self._deadlines.loop.time() + self._answer_s,
        )
        line.add(waiting)
        self._deadlines.add(waiting)
        if partition not in self._runners:
            self._runners[partition] = asyncio.create_task(self._run(partition, line))
        return await waiting.answer

    async def stored(
        self, key: str, command_id: str, fingerprint: bytes, *, game_id: str = ""
    ) -> Outcome | None:
        """The outcome that a keyed command has already; None where it has none yet.

        `key` is its partition's; `game_id` is the command's own, which nouns need whose games are spread.
        Raises CommandConflict where its fingerprint is another, CommandUnavailable where it can't be known.
        """
        partition = partition_of(key, self._topic.partitions)
        try:
            outcome = await self._stored.find(partition, Sought(game_id, command_id))
        except StoreUnavailable:
            raise self._unavailable("store-unavailable") from None
        if outcome is not None and outcome.fingerprint != fingerprint:
            raise CommandConflict(OTHER_BODY)
        return outcome

    async def _run(self, partition: int, line: CommandQueue) -> None:
        clock = self._deadlines.loop.time
        try:
            while line:
                commands = await self._not_answered_yet(
                    partition, line.take(self._topic.command_record_bytes_max)
                )
                if commands:
                    begun = clock()
                    await self._send(partition, commands)
                    if line:
                        await line.wait_for_answered(len(commands), clock() - begun)
        finally:
            del self._runners[partition]

    async def _not_answered_yet(self, partition: int, commands: list[PendingCommand]) -> list[PendingCommand]:
        """Answer keyed commands that have an outcome. Where that can't be known, they fail unappended."""
        keyed = [waiting for waiting in commands if waiting.command.keyed and not waiting.fresh]
        if not keyed:
            return commands
        try:
            found = await self._answers.find(partition, [waiting.sought for waiting in keyed])
        except StoreUnavailable as error:
            _log.warning("keyed commands can't be looked up: %s", error)
            self._fail(keyed, "store-unavailable")
        else:
            for waiting, outcome in zip(keyed, found, strict=True):
                waiting.resolve(outcome)
        return [waiting for waiting in commands if not waiting.answer.done()]

    async def _send(self, partition: int, commands: list[PendingCommand]) -> None:
        """Append one record and wait until its notification is back, or a window has passed."""
        sent = SentRecord(record_id=self._new_record_id(), partition=partition, commands=commands)
        record = CommandRecord(
            version=ENVELOPE_VERSION,
            gateway_id=self._gateway_id,
            record_id=sent.record_id,
            commands=[waiting.command for waiting in commands],
            definitions={
                waiting.command.definition: waiting.definition for waiting in commands if waiting.definition
            },
        )
        self._sent[sent.record_id] = sent
        try:
            await self._appender.append(self._topic.name, partition, _encoder.encode(record))
        except LogUnavailable as error:
            _log.warning("commands were not acknowledged: %s", error)
            self._lose(sent, "log-unavailable")
            return
        except Exception:  # noqa: BLE001 - one lost record must not end the line
            _log.exception("commands can't be appended")
            self._lose(sent, "log-failed")
            return
        _SIZES.labels(self._topic.name).observe(len(commands))
        answering = asyncio.create_task(self._answer(sent))
        self._tasks.add(answering)
        answering.add_done_callback(self._tasks.discard)
        await sent.released.wait()

    async def _answer(self, sent: SentRecord) -> None:
        """Give outcomes to who waits as they are found, until none is awaited any more."""
        try:
            while sent.commands:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._window_s):
                        await sent.notified.wait()
                sent.notified.clear()
                sent.released.set()
                await self._read_outcomes(sent)
        finally:
            sent.released.set()
            self._sent.pop(sent.record_id, None)
            self._fail(sent.commands, "failed")

    async def _read_outcomes(self, sent: SentRecord) -> None:
        sent.commands = [waiting for waiting in sent.commands if not waiting.answer.done()]
        sought = [waiting.sought for waiting in sent.commands]
        if not sought:
            return
        try:
            found = await self._answers.find(sent.partition, sought, sent.record_id)
        except StoreUnavailable as error:
            _log.warning("outcomes can't be read: %s", error)
            return
        for waiting, outcome in zip(sent.commands, found, strict=True):
            waiting.resolve(outcome)
        sent.commands = [waiting for waiting in sent.commands if not waiting.answer.done()]

    def _lose(self, sent: SentRecord, reason: str) -> None:
        del self._sent[sent.record_id]
        self._fail(sent.commands, reason)

    def _woken(self, record_id: str) -> None:
        sent = self._sent.get(record_id)
        if sent is not None:
            sent.notified.set()

    def _missed(self) -> None:
        for sent in self._sent.values():
            sent.notified.set()

    def _fail(self, commands: Sequence[PendingCommand] | deque[PendingCommand], reason: str) -> None:
        for waiting in commands:
            if not waiting.answer.done():
                waiting.answer.set_exception(self._unavailable(reason))

    def _unavailable(self, reason: str) -> CommandUnavailable:
        _UNANSWERED.labels(self._topic.name, reason).inc()
        return CommandUnavailable(reason)
