"""A gateway with its stores held in memory, and a client that speaks ASGI to it: for the shape of the HTTP.

What the stores themselves promise is tested against the real ones elsewhere.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from deploy.nouns import surfaces
from schemas.edge.ports import (
    Counted,
    Credential,
    ExportsUsedUp,
    Game,
    KeyKind,
    Limits,
    StoreUnavailable,
    Studio,
    Verdict,
)
from schemas.log import Appended, LogUnavailable
from schemas.objects import ObjectExists, ObjectStoreError
from schemas.telemetry.record import TelemetryEntry, decode_record
from streams.gateway.app import Gateway, create_gateway
from streams.gateway.http import Message
from tests.documented import documented
from tests.schemas.telemetry.s4_samples import APP, NOW

FORM: Final = {"id": "ff", "active": True, "fields": [{"id": "q1", "kind": "rating-1-5", "required": True}]}
GAME: Final = Game(
    id=APP,
    studio_id="studio_1",
    slug="doom",
    name="Doom",
    created_at_ms=0,
    limits=Limits(ingest_per_second=None, telemetry_per_minute=None),
    feedback_forms=[FORM],
)
LIMITED: Final = Game(
    id="game_limited", studio_id="studio_1", slug="limited", name="Limited", created_at_ms=0, limits=Limits()
)
THEIRS: Final = Game(
    id="game_theirs", studio_id="studio_2", slug="theirs", name="Theirs", created_at_ms=0, limits=Limits()
)
KEYS: Final = {
    "token": Credential(key_id="1", kind=KeyKind.PUBLIC_TOKEN, studio_id="studio_1", game_id=APP),
    "limited": Credential(key_id="2", kind=KeyKind.PUBLIC_TOKEN, studio_id="studio_1", game_id=LIMITED.id),
    "secret": Credential(key_id="3", kind=KeyKind.SECRET_API, studio_id="studio_1", game_id=APP),
    "pl_ik_1": Credential(key_id="4", kind=KeyKind.INGEST, studio_id="studio_1"),
    "pl_ik_2": Credential(key_id="5", kind=KeyKind.INGEST, studio_id="studio_2"),
    "pl_mgmt_1": Credential(key_id="6", kind=KeyKind.MANAGEMENT, studio_id="studio_1"),
    "wpg_sk_1": Credential(key_id="7", kind=KeyKind.PLAYTEST_OWNER, studio_id="studio_1"),
}


class MemoryDirectory:
    """Knows the games and keys above; `away` makes it unavailable."""

    def __init__(self) -> None:
        self.away = False
        self._games = {game.id: game for game in (GAME, LIMITED, THEIRS)}
        self.keys = dict(KEYS)

    def put(self, game: Game) -> None:
        """Define a game anew."""
        self._games[game.id] = game

    def _check(self) -> None:
        if self.away:
            raise StoreUnavailable("away")

    async def credential(self, presented: str) -> Credential | None:
        self._check()
        return self.keys.get(presented)

    async def studio(self, studio_id: str) -> Studio | None:
        self._check()
        return Studio(id=studio_id, slug=studio_id, name=studio_id, plan="free", created_at_ms=0)

    async def game(self, game_id: str) -> Game | None:
        self._check()
        return self._games.get(game_id)

    async def game_by_slug(self, studio_id: str, slug: str) -> Game | None:
        self._check()
        return next(
            (game for game in self._games.values() if (game.studio_id, game.slug) == (studio_id, slug)), None
        )

    async def games(self, studio_id: str) -> list[Game]:
        return [game for game in self._games.values() if game.studio_id == studio_id]


class MemoryLimiter:
    """Counts within one window that never ends; says what was asked of it."""

    def __init__(self) -> None:
        self.taken: dict[str, int] = {}
        self.refused_counted: dict[str, bool] = {}

    async def take(
        self, bucket: str, *, limit: float, period_ms: int, count_refused: bool = False
    ) -> Verdict:
        self.taken[bucket] = self.taken.get(bucket, 0) + 1
        self.refused_counted[bucket] = count_refused
        allowed = self.taken[bucket] <= limit
        return Verdict(allowed, 0 if allowed else period_ms, 0, period_ms)

    async def take_all(self, calls: Sequence[Counted]) -> tuple[Verdict, Counted]:
        taken = [
            (await self.take(call.bucket, limit=call.limit, period_ms=call.period_ms), call) for call in calls
        ]
        return next((one for one in taken if not one[0].allowed), taken[0])


class MemoryLog:
    """Keeps records; `away` refuses them; a cleared `gate` holds appends back until it is set."""

    def __init__(self) -> None:
        self.away = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()
        self.records: list[tuple[int, list[TelemetryEntry]]] = []

    async def append(self, topic: str, partition: int, value: bytes, key: bytes | None = None) -> Appended:
        assert (topic, key) == ("telemetry", None)
        self.asked.set()
        await self.gate.wait()
        if self.away:
            raise LogUnavailable("away")
        self.records.append((partition, decode_record(value).entries))
        return Appended(partition, len(self.records) - 1, NOW)

    @property
    def entries(self) -> list[TelemetryEntry]:
        return [entry for _, entries in self.records for entry in entries]


class MemoryObjects:
    writer_bytes = 0
    """An object store of a dictionary; `pieces` counts writes."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.pieces = 0
        self.aborted = 0
        self.free: int | None = None
        self.fails: ObjectStoreError | None = None

    async def create(self, key: str, *, new: bool = False) -> MemoryWriter:
        return MemoryWriter(self, key, new=new)

    async def read(self, key: str) -> bytes | None:
        return self.objects.get(key)

    async def names(self, folder: str) -> list[str]:
        keys = [key.rpartition("/") for key in self.objects]
        return [name for path, _, name in keys if path == folder]

    async def delete(self, key: str) -> None:
        self.objects.pop(key, None)

    async def free_bytes(self) -> int | None:
        return self.free

    async def size(self, key: str) -> int | None:
        return len(self.objects[key]) if key in self.objects else None

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        yield self.objects[key][start:end]

    async def copy(self, source: str, target: str) -> None:
        self.objects[target] = self.objects[source]

    async def signed_url(self, key: str, *, expires_at_ms: int) -> str:
        return f"memory:{key}?{expires_at_ms}"

    def public_url(self, key: str) -> str:
        return f"memory:{key}"

    def signed_upload_url(self, key: str, *, bytes_max: int, expires_at_ms: int) -> str:
        return f"memory:{key}?{expires_at_ms}&{bytes_max}"


class MemoryWriter:
    """One object on its way."""

    def __init__(self, store: MemoryObjects, key: str, *, new: bool) -> None:
        self._store = store
        self._key = key
        self._new = new
        self._content = bytearray()

    async def write(self, chunk: bytes) -> None:
        self._store.pieces += 1
        self._content += chunk

    async def commit(self) -> None:
        if self._store.fails is not None:
            raise self._store.fails
        if self._new and self._key in self._store.objects:
            raise ObjectExists(self._key)
        self._store.objects[self._key] = bytes(self._content)

    async def abort(self) -> None:
        self._store.aborted += 1


class MemoryExports:
    """One export at a time, until it is finished."""

    def __init__(self) -> None:
        self.current: str | None = None
        self.confirmed = False
        self.used_up = False

    async def begin(self, export_id: str, now_ms: int) -> str:
        if self.used_up:
            raise ExportsUsedUp(86_400 - now_ms // 1000 % 86_400)
        self.current = self.current or export_id
        return self.current

    async def withdraw(self, export_id: str) -> None:
        assert self.current == export_id
        self.current = None

    async def confirm(self, export_id: str) -> None:
        self.confirmed = self.current == export_id

    async def pending(self) -> str | None:
        return self.current if self.confirmed else None

    async def finish(self, export_id: str) -> None:
        assert self.current == export_id
        self.current, self.confirmed = None, False


class Answer(msgspec.Struct):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes
    pieces: int
    """How many pieces of the request had been asked for when the answer began."""

    def json(self) -> Any:
        return json.loads(self.body)


class World:
    """The gateway and its stores."""

    def __init__(self, **options: Any) -> None:
        self.directory = MemoryDirectory()
        self.limiter = MemoryLimiter()
        self.log = MemoryLog()
        self.objects = MemoryObjects()
        self.exports = MemoryExports()
        self.app: Gateway = create_gateway(
            directory=self.directory,
            limiter=self.limiter,
            appender=self.log,
            objects=self.objects,
            exports=self.exports,
            surfaces=surfaces(),
            now_ms=lambda: NOW,
            **options,
        )

    async def call(
        self,
        path: str,
        body: bytes | Iterable[bytes] = b"",
        *,
        method: str = "POST",
        query: str = "",
        client: str = "1.2.3.4",
        hang_up: bool = False,
        headers: Iterable[tuple[str, str]] = (),
        **named: Any,
    ) -> Answer:
        """One request. A body of several chunks comes without a length; `hang_up` ends it half-way."""
        raw = [(name.lower().encode(), value.encode()) for name, value in headers]
        raw += [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()]
        if isinstance(body, bytes):
            raw.append((b"content-length", str(len(body)).encode()))
        else:
            raw.append((b"transfer-encoding", b"chunked"))
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": raw,
            "client": (client, 5),
        }
        waiting = _messages(iter([body] if isinstance(body, bytes) else body), hang_up=hang_up)
        sent: list[Message] = []
        pieces, pieces_before = 0, 0

        async def receive() -> Message:
            nonlocal pieces
            pieces += 1
            return next(waiting)

        async def send(message: Message) -> None:
            nonlocal pieces_before
            pieces_before = pieces_before or pieces
            sent.append(message)

        await self.app(scope, receive, send)
        if not sent:
            return Answer(0, {}, b"", pieces)
        answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        content = b"".join(message.get("body", b"") for message in sent[1:])
        assert not sent[-1].get("more_body", False)
        if sent[0]["status"] != 204:
            assert int(answered["content-length"]) == len(content)
        documented().check(method, path, sent[0]["status"], answered.get("content-type", ""), content)
        return Answer(sent[0]["status"], answered, content, pieces_before)


def _messages(chunks: Iterator[bytes], *, hang_up: bool) -> Iterator[Message]:
    """The body as ASGI messages, each made when it is asked for; then the client leaves."""
    chunk: bytes | None = next(chunks, b"")
    while chunk is not None:
        following = next(chunks, None)
        yield {"type": "http.request", "body": chunk, "more_body": hang_up or following is not None}
        chunk = following
    while True:
        yield {"type": "http.disconnect"}
