"""Reads of a projection that come together go to Redis together: one script call a turn of the event loop.

At thousands of requests a second a call for each would cost more than all the rest of a read.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from projections.redis.client import AWAY
from projections.redis.scripts import READ_BATCH
from projections.redis.stores import NounStores, group_of
from schemas.edge.ports import StoreUnavailable

REQUESTS_MAX: Final = 512
"""Requests of one call; more make another."""

encode_requests: Final = msgspec.msgpack.Encoder().encode
"""Requests one after the other, as `read_batch.lua` takes them."""
Request = tuple[str, str, str, str]
"""Kind, relative key, and two arguments, as `read_batch.lua` tells."""


class ReadBatches:
    """Reads of one noun in one event loop."""

    def __init__(self, redis: Redis, noun: str) -> None:
        self._redis = redis
        self._noun = noun
        self._waiting: list[tuple[tuple[Request, ...], asyncio.Future[list[Any]]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def read(self, *requests: Request) -> list[Any]:
        """The answers in order, all as of one moment. Raises StoreUnavailable; nothing is guessed."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Any]] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._send)
        self._waiting.append((requests, answer))
        return await answer

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        first, size = 0, 0
        for index, (requests, _) in enumerate(waiting):
            if size and size + len(requests) > REQUESTS_MAX:
                self._launch(waiting[first:index])
                first, size = index, 0
            size += len(requests)
        self._launch(waiting[first:])

    def _launch(self, some: list[tuple[tuple[Request, ...], asyncio.Future[list[Any]]]]) -> None:
        task = asyncio.get_running_loop().create_task(self._run(some))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, some: list[tuple[tuple[Request, ...], asyncio.Future[list[Any]]]]) -> None:
        problem: BaseException | None = None
        reply: list[Any] | None = None
        try:
            # One argument: redis-py takes as long for each as the script for a whole request.
            asked = encode_requests(
                [text for requests, _ in some for request in requests for text in request]
            )
            reply = await READ_BATCH.run(self._redis, self._noun, asked)
        except AWAY as error:
            problem = StoreUnavailable(f"Redis is away: {error}")
        except BaseException as error:  # noqa: BLE001 - raised in every task that waits
            problem = error
        if reply is None and problem is None:
            problem = StoreUnavailable(f"the {self._noun} projection is not ready")
        begin = 0
        for requests, answer in some:
            if answer.done():  # the caller was cancelled
                pass
            elif problem is not None:
                answer.set_exception(
                    problem if isinstance(problem, Exception) else StoreUnavailable("stopping")
                )
            elif reply is not None:
                answer.set_result(reply[begin : begin + len(requests)])
            begin += len(requests)


class GroupedBatches:
    """Reads of one noun in one event loop, each in the store of its game."""

    def __init__(self, stores: NounStores) -> None:
        self.all = tuple(ReadBatches(store.redis, store.name) for store in stores.all)
        """For what is of no game: those of every store."""

    def of(self, game_id: str) -> ReadBatches:
        """Those of a game's store."""
        return self.all[group_of(game_id, len(self.all))]
