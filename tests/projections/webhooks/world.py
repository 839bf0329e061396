"""Events of live-ops, a reader and a sender of webhooks, and a receiver."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

from projections.liveops.webhooks import LIVEOPS
from projections.webhooks.queue import WebhookQueue
from projections.webhooks.reader import WebhookReader
from schemas.edge.ports import Game, Limits
from schemas.envelope import Decided, Event
from schemas.liveops import events as ev
from schemas.liveops.noun import LIVEOPS_EVENTS
from schemas.liveops.views import Grant, GrantEntry
from schemas.webhooks import (
    SIGNATURE_HEADER,
    Delivery,
    WebhookTarget,
    signature,
    signing_secret,
    target_of,
)
from streams.webhooks.delivery_worker import WebhookDeliverer
from streams.webhooks.sender import WebhookSender
from tests.projections.redis.support import ListLog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis

    from schemas.codec import Message

SECRET = b"deployment"


LOOPBACK = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")]


ALL = ["attempt.completed", "grant.created", "grant.claimed", "leaderboard.finalized"]


class Receiver:
    """A studio's server: remembers what it got, answers as it is told."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, int] = {}
        self.delay_s = 0.0
        self.bad: list[str] = []
        self.port = 0

    async def post(self, request: web.Request) -> web.Response:
        body = await request.read()
        target = request.match_info["target"]
        message = json.loads(body)
        declared = WebhookTarget(game_id=message["gameId"], id=target, url="", events=frozenset())
        at_s = int(request.headers[SIGNATURE_HEADER].partition(",")[0][2:])
        if request.headers[SIGNATURE_HEADER] != signature(signing_secret(SECRET, declared), at_s, body):
            self.bad.append(target)
        await asyncio.sleep(self.delay_s)
        status = self.answers.get(target, 204)
        if status < 300:
            self.got.append((target, message))
        headers = {"Location": f"http://127.0.0.1:{self.port}/good"} if status == 302 else None
        return web.Response(status=status, headers=headers)

    def types(self, target: str) -> list[str]:
        return [message["type"] for name, message in self.got if name == target]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/{target}", receiver.post)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    receiver.port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    try:
        yield receiver
    finally:
        await runner.cleanup()


class World:
    """A game with targets, its log, the reader, and a deliverer with a clock that is moved by hand."""

    def __init__(
        self, redis: Redis, receiver: Receiver, *names: str, allowed: bool = True, answer_s: float = 30
    ) -> None:
        self.redis = redis
        self.queue = WebhookQueue(redis)
        self.log = ListLog(LIVEOPS_EVENTS)
        self.names = names
        self.receiver = receiver
        self.dead: list[tuple[str, str]] = []
        self.ahead_ms = 0
        self.host = "127.0.0.1"
        self.sender = WebhookSender(LOOPBACK if allowed else [], answer_s=answer_s)
        self.commands = 0

    def clock_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_ms

    async def game(self, game_id: str) -> Game | None:
        url = f"http://{self.host}:{self.receiver.port}"
        webhooks = [{"id": name, "url": f"{url}/{name}", "events": ALL} for name in self.names]
        return Game(
            id=game_id,
            studio_id="user_1",
            slug="doom",
            name="Doom",
            created_at_ms=0,
            limits=Limits(),
            definition={"webhooks": webhooks},
        )

    async def give_up(self, delivery: Delivery, why: str) -> None:
        self.dead.append((delivery.id, why))

    async def send(self, delivery: Delivery, target: WebhookTarget, at_s: int) -> str:
        return await self.sender.send(delivery, target.url, signing_secret(SECRET, target), at_s)

    async def find(self, game_id: str, target_id: str) -> WebhookTarget | None:
        game = await self.game(game_id)
        return None if game is None else target_of(game, target_id)

    def reader(self, **limits: int) -> WebhookReader:
        return WebhookReader(
            self.queue,
            topic=LIVEOPS_EVENTS,
            notified=LIVEOPS,
            tail=self.log,
            games=self,
            give_up=self.give_up,
            clock_ms=self.clock_ms,
            **limits,
        )

    def deliverer(self) -> WebhookDeliverer:
        return WebhookDeliverer(
            self.queue, find=self.find, send=self.send, give_up=self.give_up, clock_ms=self.clock_ms
        )

    def happen(self, *messages: Message, sequence: int = 1, src: int | None = None) -> None:
        self.commands += 1
        events = [
            Event(
                type=message.WIRE,
                aggregate_id="a",
                sequence=sequence + place,
                at_ms=1_800_000_000_000,
                data=ev.EVENTS.encode(message),
            )
            for place, message in enumerate(messages)
        ]
        decided = Decided(
            command_id=f"c{self.commands}",
            studio_id="user_1",
            game_id="game_1",
            keyed=False,
            fingerprint=b"",
            events=events,
        )
        self.log.append(decided, src=src)

    async def read(self, reader: WebhookReader | None = None) -> WebhookReader:
        reader = reader or self.reader()
        begin = await reader.assigned(0)
        for record in self.log.records[0][begin:]:
            await reader.handle(record)
        return reader

    async def deliver(self, deliverer: WebhookDeliverer | None = None) -> WebhookDeliverer:
        """Until nothing is due."""
        deliverer = deliverer or self.deliverer()
        while await deliverer.tick(self.clock_ms()):
            await deliverer.finished()
        return deliverer


@asynccontextmanager
async def world_of(
    redis: Redis, receiver: Receiver, *names: str, allowed: bool = True, answer_s: float = 30
) -> AsyncIterator[World]:
    world = World(redis, receiver, *names, allowed=allowed, answer_s=answer_s)
    try:
        yield world
    finally:
        await world.sender.close()


def grant(number: int, **more: Any) -> Grant:
    fields = {"id": f"grant-{number}", "kind": "reward", "status": "pending", "event_key": "frags"} | more
    return Grant(
        attempt_id=None,
        trigger="server",
        entries=[GrantEntry(type="currency", key="gold", quantity=number)],
        created_at_ms=1_800_000_000_000,
        **fields,
    )


def created(number: int, player: str = "ann") -> ev.GrantCreated:
    return ev.GrantCreated(game_id="game_1", external_id=player, grant=grant(number))
