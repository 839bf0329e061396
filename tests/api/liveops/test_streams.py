"""Server-Sent Events over real connections, uvicorn and Redis Streams."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from deploy.edge_protocol import EdgeProtocol
from projections.liveops.streams import RedisBoardStreams
from schemas.edge.ports import Limits
from tests.api.liveops.world import open_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.api.liveops.world import World

pytestmark = pytest.mark.stack


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[tuple[int, uvicorn.Server]]:
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host="127.0.0.1",
            port=0,
            http=EdgeProtocol,
            interface="asgi3",
            lifespan="off",
            log_level="error",
            backlog=2048,
            timeout_graceful_shutdown=10,
        )
    )
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0)
    try:
        yield server.servers[0].sockets[0].getsockname()[1], server
    finally:
        server.should_exit = True
        await task


class Client:
    """One open stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.head: dict[str, str] = {}

    @classmethod
    async def open(
        cls, world: World, port: int, board_id: str, last: str = "", *, key: str = "", forwarded: str = ""
    ) -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        resume = f"last-event-id: {last}\r\n" if last else ""
        path = board_id if "/stream" in board_id else f"{board_id}/stream"
        writer.write(
            f"GET /sdk/v1/leaderboards/{path} HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {forwarded}\r\n"
            f"authorization: Bearer {key or world.directory.server}\r\n{resume}\r\n".encode()
        )
        client = cls(reader, writer)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        assert lines[0].startswith("HTTP/1.1 200"), lines[0]
        client.head = dict(line.split(": ", 1) for line in lines[1:] if line)
        return client

    async def event(self) -> tuple[str, str, dict[str, Any]]:
        """The next event: type, id, data; comments are skipped, an ended connection is EOFError."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(60):
            while True:
                line = (await self.reader.readline()).decode()
                if not line:
                    raise EOFError
                text = line.strip("\r\n")
                if not text and "event" in fields:
                    return fields["event"], fields["id"], json.loads(fields["data"])
                name, separator, value = text.partition(": ")
                if separator:
                    fields[name] = value

    async def scores(self, count: int) -> list[float]:
        return [(await self.event())[2]["score"] for _ in range(count)]

    async def to_the_end(self) -> None:
        while True:
            await self.event()

    def close(self) -> None:
        self.writer.close()


def update(score: float, external_id: str = "p1") -> dict[str, Any]:
    return {
        "leaderboardId": "lb_a",
        "externalId": external_id,
        "score": score,
        "previousScore": None,
        "occurredAt": "2026-01-01T00:00:00.000Z",
    }


async def test_ready_then_updates_then_closed(reads: World) -> None:
    board_id = reads.board("a", [1.0])
    async with served(reads.serve) as (port, _):
        client = await Client.open(reads, port, board_id)
        assert client.head["content-type"].startswith("text/event-stream")
        assert client.head["cache-control"] == "no-store"
        assert client.head["x-accel-buffering"] == "no"
        assert client.head["access-control-allow-origin"] == "*"
        assert "ratelimit-remaining" in client.head
        name, _, data = await client.event()
        assert (name, data) == ("ready", {"leaderboardId": board_id, "finalized": False})
        at = await reads.tell(board_id, update(3.0), rank=7)
        assert await client.event() == ("score_update", at, {**update(3.0), "rank": 7})
        at = await reads.tell(board_id, update(4.0), rank=None)
        assert (await client.event())[2]["rank"] is None
        at = await reads.tell(board_id, None)
        assert await client.event() == ("closed", at, {"leaderboardId": board_id})
        with pytest.raises(EOFError):
            await client.event()
        client.close()


async def test_a_finalized_board_is_ready_and_closed(reads: World) -> None:
    board_id = reads.board("a", [1.0], finalized_at_ms=5)
    async with served(reads.serve) as (port, _):
        client = await Client.open(reads, port, board_id)
        assert (await client.event())[2] == {"leaderboardId": board_id, "finalized": True}
        assert (await client.event())[0] == "closed"
        client.close()


async def test_last_event_id_resumes_without_gap_or_duplicate_on_any_process(reads: World) -> None:
    board_id = reads.board("a", [1.0])
    other = reads.create()
    total = 2_000
    async with served(reads.serve) as (one, _), served(other) as (two, _):

        async def write() -> None:
            for score in range(total):
                await reads.tell(board_id, update(score))

        watching = await Client.open(reads, one, board_id)
        _, last, _ = await watching.event()
        writing = asyncio.create_task(write())
        seen: list[float] = []
        turn = 0
        while len(seen) < total:  # hang up again and again, and go on at the other process
            client = await Client.open(reads, (one, two)[turn % 2], board_id, last)
            assert (await client.event())[1] == last
            for _ in range(min(97, total - len(seen))):
                _, last, data = await client.event()
                seen.append(data["score"])
            client.close()
            turn += 1
        assert seen == list(range(total))
        assert await watching.scores(total) == list(range(total))
        watching.close()
        await writing
    await other.close()


async def test_an_id_of_no_stream_is_400(reads: World) -> None:
    board_id = reads.board("a", [1.0])
    response = await reads.get(f"/sdk/v1/leaderboards/{board_id}/stream", **{"last-event-id": "x"})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "validation_failed")


async def test_an_id_of_the_future_goes_on_from_the_end_and_says_so(reads: World) -> None:
    board_id = reads.board("a", [1.0])
    ahead = f"{int((reads.now + 3600) * 1000)}-0"
    async with served(reads.serve) as (port, _):
        last = await reads.tell(board_id, update(1.0))
        clients: list[Client] = []
        for number in (1, 2):  # nobody follows the board yet, and somebody does
            client = await Client.open(reads, port, board_id, ahead)
            assert await client.event() == (
                *("ready", last),
                {"leaderboardId": board_id, "finalized": False, "resumed": False},
            )
            last = await reads.tell(board_id, update(1.0 + number))
            assert await client.scores(1) == [1.0 + number]
            clients.append(client)
        plain = await Client.open(reads, port, board_id, last)
        assert "resumed" not in (await plain.event())[2]
        for client in (*clients, plain):
            client.close()


async def test_where_to_go_on_may_stand_in_the_query(reads: World) -> None:
    board_id = reads.board("a", [1.0])
    async with served(reads.serve) as (port, _):
        first = await reads.tell(board_id, update(1.0))
        await reads.tell(board_id, update(2.0))
        client = await Client.open(reads, port, f"{board_id}/stream?lastEventId={first}&x=")
        await client.event()
        assert await client.scores(1) == [2.0]
        client.close()
    refused = await reads.get(f"/sdk/v1/leaderboards/{board_id}/stream?lastEventId=x")
    assert refused.status_code == 400


async def test_a_revoked_keys_stream_ends_and_others_hear_on(reads: World) -> None:
    reads.reads = reads.create(sweep_s=0.05)
    board_id = reads.board("a", [1.0])
    async with served(reads.serve) as (port, _):
        out = await Client.open(reads, port, board_id, key=reads.directory.live)
        on = await Client.open(reads, port, board_id)
        for client in (out, on):
            await client.event()
        del reads.directory.credentials[reads.directory.live]
        with pytest.raises(EOFError):
            await out.event()
        await reads.tell(board_id, update(5.0))
        assert await on.scores(1) == [5.0]
        reads.directory.away = True  # nobody knows whether it stands: it hears on
        await asyncio.sleep(0.2)
        await reads.tell(board_id, update(6.0))
        assert await on.scores(1) == [6.0]
        out.close()
        on.close()


async def test_a_game_and_an_address_have_a_share_of_the_listeners(redis_url: str) -> None:
    limits = Limits(streams_address_max=2, streams_game_max=3)
    async with open_world(redis_url, limits=limits) as reads, served(reads.serve) as (port, _):
        board_id = reads.board("a", [1.0])
        path = f"/sdk/v1/leaderboards/{board_id}/stream"
        clients = [await Client.open(reads, port, board_id) for _ in range(2)]
        refused = await _status(reads, port, path)
        assert refused[0] == 429
        assert '"scope":"address"' in refused[1]
        assert '"code":"rate_limited"' in refused[1]
        assert "retry-after: 10" in refused[1].lower()
        clients.append(await Client.open(reads, port, board_id, forwarded="192.0.2.1"))
        assert '"scope":"game"' in (await _status(reads, port, path, forwarded="192.0.2.2"))[1]
        clients.pop().close()
        clients.pop().close()
        async with asyncio.timeout(60):  # a stream that is over gives its share back
            while (await _status(reads, port, path, forwarded="192.0.2.9"))[0] == 429:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.01)
        for client in clients:
            client.close()


async def _status(world: World, port: int, path: str, forwarded: str = "") -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-forwarded-for: {forwarded}\r\n"
        f"authorization: Bearer {world.directory.server}\r\n\r\n".encode()
    )
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    status = int(head.split(" ")[1])
    text = head + (await reader.read()).decode() if status != 200 else head
    writer.close()
    return status, text


async def test_a_slow_reader_is_dropped_and_the_others_are_not_kept_waiting(reads: World) -> None:
    board_id = reads.board("a", [1.0])
    async with served(reads.serve) as (port, _):
        slow = await Client.open(reads, port, board_id)
        slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
        quick = await Client.open(reads, port, board_id)
        await quick.event()
        padded = update(1.0, "p" * 40_000)
        dropped = reads.reads._listeners.of(reads.game.id)._metrics.dropped
        count = 0
        while dropped._value.get() == 0:
            began = time.perf_counter()
            await reads.tell(board_id, padded)
            await quick.event()
            assert time.perf_counter() - began < 20
            count += 1
            assert count < 5_000
        assert list(reads.reads._listeners.of(reads.game.id)._boards[board_id].listeners) != []
        assert len(reads.reads._listeners.of(reads.game.id)._boards[board_id].listeners) == 1
        slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
        with pytest.raises((EOFError, ConnectionError)):
            await slow.to_the_end()
        slow.close()
        quick.close()


async def test_a_rebuilt_projection_loses_and_repeats_nothing(reads: World) -> None:
    board_id = reads.board("a", [1.0])
    async with served(reads.serve) as (port, _):
        client = await Client.open(reads, port, board_id)
        await client.event()
        for score in (1.0, 2.0):
            await reads.tell(board_id, update(score))
        assert await client.scores(2) == [1.0, 2.0]
        reads.generation = "g2"
        for score in (1.0, 2.0, 3.0):  # the rebuild was ahead of what listeners had
            await reads.tell(board_id, update(score))
        await reads.use("g2")
        await reads.tell(board_id, update(4.0))
        assert await client.scores(2) == [3.0, 4.0]
        await reads.tell(board_id, update(4.0))
        assert await client.scores(1) == [4.0]
        client.close()


async def test_a_projection_that_is_swapped_right_before_a_read_repeats_nothing(
    reads: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    board_id = reads.board("a", [1.0])
    swaps: list[str] = []
    plain = RedisBoardStreams.read

    async def late(self: RedisBoardStreams, after: Mapping[str, str], **options: Any) -> Any:
        if swaps:
            await reads.use(swaps.pop())
        return await plain(self, after, **options)

    monkeypatch.setattr(RedisBoardStreams, "read", late)
    async with served(reads.serve) as (port, _):
        client = await Client.open(reads, port, board_id)
        await client.event()
        for score in (1.0, 2.0):
            await reads.tell(board_id, update(score))
        assert await client.scores(2) == [1.0, 2.0]
        reads.generation = "g2"
        for score in (1.0, 2.0, 3.0):
            await reads.tell(board_id, update(score))
        swaps.append("g2")
        assert await client.scores(1) == [3.0]
        client.close()


async def test_heartbeats_and_a_lost_closing(reads: World) -> None:
    reads.reads = reads.create(heartbeat_s=0.05, listeners_max=1)
    board_id = reads.board("a", [1.0])
    async with served(reads.serve) as (port, _):
        client = await Client.open(reads, port, board_id)
        full = await reads.get(f"/sdk/v1/leaderboards/{board_id}/stream")
        assert (full.status_code, full.json()["error"]["code"]) == (503, "unavailable")
        await client.event()
        async with asyncio.timeout(60):
            while (await client.reader.readline()) != b":\n":
                pass
        reads.board("a", [1.0], finalized_at_ms=5)
        assert (await client.event())[0] == "closed"
        client.close()


async def test_streams_end_when_the_server_stops(reads: World) -> None:
    board_id = reads.board("a", [1.0])
    async with served(reads.serve) as (port, server):
        clients = [await Client.open(reads, port, board_id) for _ in range(20)]
        for client in clients:
            await client.event()
        began = time.perf_counter()
        server.should_exit = True
        for client in clients:
            with pytest.raises(EOFError):
                await client.event()
            client.close()
    assert time.perf_counter() - began < 20
    assert reads.reads._listeners.of(reads.game.id)._boards == {}


async def test_a_thousand_listeners_hear_of_a_score_for_less_than_a_second_of_work(reads: World) -> None:
    board_id = reads.board("a", [1.0])
    count = 1_000
    async with served(reads.serve) as (port, _):
        clients = [await Client.open(reads, port, board_id) for _ in range(count)]
        for client in clients:
            await client.event()
        waits: list[float] = []

        async def hear(client: Client, began: dict[float, float], events: int) -> None:
            for _ in range(events):
                _, _, data = await client.event()
                waits.append(time.process_time() - began[data["score"]])

        began: dict[float, float] = {}
        subscription = [asyncio.create_task(hear(client, began, 5)) for client in clients]
        for score in range(5):
            began[score] = time.process_time()  # of server and clients, and of nothing else here
            await reads.tell(board_id, update(score))
            await asyncio.sleep(0.3)
        await asyncio.gather(*subscription)
        for client in clients:
            client.close()
        waits.sort()
        p99 = waits[int(len(waits) * 0.99)]
        print(f"1,000 listeners: p50 {waits[len(waits) // 2] * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms")  # noqa: T201
        assert p99 < 1.0
