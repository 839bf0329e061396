"""The effects role: what nouns' events lead to outside their partition, and webhooks."""

from __future__ import annotations

import asyncio
import dataclasses
import ipaddress
from collections import defaultdict
from typing import TYPE_CHECKING

from deploy.clock import now_ms
from deploy.command_clients import open_acting
from deploy.nouns import deciding, topics_of
from deploy.redis_stores import open_stores
from deploy.roles.consumer_groups import application, follow
from projections.redis.effect_positions import RedisPositions
from projections.studio.directory import RedisDirectory
from projections.webhooks.queue import WebhookQueue
from projections.webhooks.reader import WebhookReader
from schemas.webhooks import Delivery, WebhookTarget, signing_secret, target_of
from streams.effect_reader import Reading
from streams.several_readers import SeveralReaders
from streams.webhooks.delivery_worker import WebhookDeliverer
from streams.webhooks.sender import WebhookSender
from streams.webhooks.undelivered import giving_up

if TYPE_CHECKING:
    from deploy.roles import Worker
    from schemas.log import LogReader
    from schemas.topics import Topic


async def run(worker: Worker, stop: asyncio.Event) -> None:
    """Read each noun's events for all of its effects, and deliver beside it."""
    configured = worker.settings
    secret = configured.deployment_secret()
    stores = open_stores(configured)
    worker.stack.push_async_callback(stores.aclose)
    redis = stores.common
    directory = RedisDirectory(redis)
    queue = WebhookQueue(redis)
    give_up = giving_up(worker.appender)
    topics = {topic.name: topic for topic in topics_of(configured)}
    readers: dict[Topic, list[LogReader]] = defaultdict(list)
    for noun in deciding(configured):
        if noun.effects:
            acting = await open_acting(worker, stores, noun)
            for name, effect in noun.effects.items():
                topic = topics[noun.read_by(name)]
                own = dataclasses.replace(acting, events=topic)
                readers[topic].append(
                    effect.open(own, Reading(topic, worker.tail, RedisPositions(redis, name)))
                )
        if noun.notified is not None:
            readers[noun.events].append(
                WebhookReader(
                    queue,
                    topic=noun.events,
                    notified=noun.notified,
                    tail=worker.tail,
                    games=directory,
                    give_up=give_up,
                    clock_ms=now_ms,
                )
            )
    bindings = [(topic, SeveralReaders(some)) for topic, some in readers.items()]
    sender = WebhookSender([ipaddress.ip_network(network) for network in configured.webhook_networks])
    worker.stack.push_async_callback(sender.close)

    async def find(game_id: str, target_id: str) -> WebhookTarget | None:
        game = await directory.game(game_id)
        return None if game is None else target_of(game, target_id)

    async def send(delivery: Delivery, target: WebhookTarget, at_s: int) -> str:
        return await sender.send(delivery, target.url, signing_secret(secret, target), at_s)

    deliverer = WebhookDeliverer(queue, find=find, send=send, give_up=give_up, clock_ms=now_ms)
    async with asyncio.TaskGroup() as group:
        group.create_task(deliverer.run(stop))
        group.create_task(follow(worker, application(worker, in_bulk=True), bindings, stop))
