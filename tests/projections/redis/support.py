"""A Redis of a test's own, a log that is a list, and a projection small enough to see through."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import msgspec
from redis import Redis as BlockingRedis

from projections.redis.operations import Operation, set_field
from projections.redis.reader import Projection
from schemas.codec import Codec, Message
from schemas.envelope import CommandRejected, Decided, Event, EventsRecord, Outcome
from schemas.log import LogRecord
from schemas.topics import Topic

_encoder = msgspec.msgpack.Encoder()
NOW_MS = int(time.time() * 1000)


class Put(Message, frozen=True):
    WIRE = "put.v1"
    key: str
    field: str
    value: str
    status: int


EVENTS = Codec([Put])


class ListLog:
    """`schemas.log.LogTail` over lists, one for each partition."""

    def __init__(self, topic: Topic, identity: str = "log-1") -> None:
        self.topic = topic
        self.identity = identity
        self.first_offset = 0
        self.records: dict[int, list[LogRecord]] = {p: [] for p in range(topic.partitions)}

    def append(
        self,
        *decided: Decided,
        partition: int = 0,
        src: int | None = None,
        gateway_id: str = "",
        record_id: str = "",
        ahead_ms: int = 0,
    ) -> LogRecord:
        """One events record; `src` goes on by itself. The broker's clock is `ahead_ms` ahead of gateways'."""
        now_ms = time.time_ns() // 1_000_000
        records = self.records[partition]
        value = EventsRecord(
            version=1,
            src=len(records) if src is None else src,
            gateway_id=gateway_id,
            record_id=record_id,
            decided=list(decided),
            appended_at_ms=now_ms + ahead_ms,
            asked_at_ms=now_ms,
        )
        record = LogRecord(
            topic=self.topic.name,
            partition=partition,
            offset=len(records),
            appended_at_ms=now_ms + ahead_ms,
            key=None,
            value=_encoder.encode(value),
        )
        records.append(record)
        return record

    async def end_offset(self, topic: str, partition: int) -> int:
        assert topic == self.topic.name
        return len(self.records[partition])

    async def begin_offset(self, topic: str, partition: int) -> int:
        assert topic == self.topic.name
        assert partition in self.records
        return self.first_offset

    async def log_id(self, topic: str) -> str:
        assert topic == self.topic.name
        return self.identity

    async def read(
        self, topic: str, partition: int, begin: int, end: int | None = None
    ) -> AsyncIterator[LogRecord]:
        assert topic == self.topic.name
        assert begin >= self.first_offset
        for record in self.records[partition][begin:end]:
            yield record


def put(
    key: str, field: str, value: str, *, command_id: str = "", keyed: bool = False, status: int = 200
) -> Decided:
    """What came of a command that sets one field, with its outcome."""
    data = EVENTS.encode(Put(key=key, field=field, value=value, status=status))
    return Decided(
        command_id=command_id,
        studio_id="s",
        game_id="g",
        keyed=keyed,
        fingerprint=b"f",
        events=[Event(type="put.v1", aggregate_id="a", sequence=1, at_ms=NOW_MS, data=data)],
    )


def projection(noun: str, partitions: int = 1) -> Projection:
    """Sets fields of hashes as `put` says; a field named `!` makes a bad operation after a good one.

    A refusal's code is the value that was put.
    """

    def project(
        decided: Decided, messages: Sequence[Put], appended_at_ms: int, partition: int
    ) -> list[Operation]:
        del decided, appended_at_ms, partition
        operations: list[Operation] = []
        for message in messages:
            key, field, value = message.key, message.field, message.value
            operations.append(set_field(key, field, value))
            if field == "!":
                operations.append(tuple(value.split(" ")))
        return operations

    def outcome_of(decided: Decided, messages: Sequence[Put]) -> Outcome | None:
        if not decided.command_id:
            return None
        status, body = messages[0].status, b"\x80"
        if status >= 400:
            refusal = CommandRejected(status=status, code=messages[0].value, message="refused")
            body = _encoder.encode(refusal)
        return Outcome(
            command_id=decided.command_id, fingerprint=decided.fingerprint, status=status, body=body
        )

    topic = Topic(name=f"{noun}.events", partitions=partitions, description="a test's")
    return Projection(noun=noun, topic=topic, events=EVENTS, project=project, outcome_of=outcome_of)


class RedisServer:
    """A redis-server of a test's own, that can be killed and started on other files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        program = shutil.which("redis-server")
        assert program
        options = ("--save", "", "--appendonly", "yes", "--appendfsync", "always", "--bind", "127.0.0.1")
        self._process = subprocess.Popen(  # noqa: S603 - the test's own server
            [program, "--port", str(self.port), "--dir", str(self.folder), *options],
            stdout=subprocess.DEVNULL,
        )
        client = BlockingRedis.from_url(self.url)
        with contextlib.closing(client):
            for _ in range(500):
                with contextlib.suppress(Exception):
                    if client.ping():
                        return
                time.sleep(0.01)
        raise RuntimeError("redis-server does not answer")

    def kill(self) -> None:
        """SIGKILL: nothing is written any more."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGKILL)
            process.wait(10)

    def forget(self) -> None:
        """Drop its files: the next start is an empty one."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """A started server, killed afterwards."""
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
