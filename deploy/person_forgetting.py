"""Forgets a person in the nouns that can: decides it in the log, and waits until the stores have followed."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

import msgspec

from deploy.brokers import brokers_of
from deploy.clickhouse_clients import clickhouse_of
from deploy.clock import now_ms
from deploy.nouns import NOUNS, topic_of
from deploy.operations import recorded
from deploy.sealing import open_fingerprints
from projections.clickhouse.positions import Positions
from projections.telemetry.forgotten_persons import forgotten_before
from schemas.persons import Handle
from schemas.telemetry.forgetting import (
    FORGOTTEN_MAX,
    NAMES_MAX,
    Forgotten,
    forgetting_record,
    list_forgotten,
    person_forgotten,
    read_forgotten,
)
from schemas.telemetry.noun import TELEMETRY
from streams.runtime.partition_reads import KafkaTail
from streams.runtime.producer import KafkaAppender

if TYPE_CHECKING:
    from deploy.persons import Persons, Place
    from deploy.settings import Settings
    from projections.clickhouse.client import ClickHouse
    from schemas.persons import Person

FORGETS: Final = ("telemetry",)
"""The nouns that forget a person. What the others hold stays, and is named."""
WAIT_S: Final = 600.0
_LOOK_S: Final = 0.25
_OFFSET_MAX: Final = 2**63 - 1


class ForgettingRefused(Exception):
    """It was not done, or not to the end; the message is for the operator."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What is held of a person, by whether forgetting removes it."""

    goes: list[Place]
    stays: list[Place]


def parted(places: list[Place]) -> Held:
    """The places of nouns that forget, and the others. Pure."""
    goes = [place for place in places if noun_of(place) in FORGETS]
    return Held(goes=goes, stays=[place for place in places if place not in goes])


def noun_of(place: Place) -> str:
    """Whose table, key or folder a place is, by the declarations of what is personal. Pure."""
    if place.store == "redis":
        return place.place.partition(" ")[0]
    for noun in NOUNS:
        personal = noun.schema.personal
        folders = [declared.folder for declared in personal.objects]
        if place.place in (personal.tables if place.store == "clickhouse" else folders):
            return noun.schema.name
    raise ValueError(f"{place.place} is of no noun")


def handles_of(person: Person) -> list[Handle]:
    """The handles that mean a person: those linked to them, and in each game their id itself. Pure."""
    own = [Handle(game_id, name) for game_id in person.games for name in person.names("handle")]
    return list(dict.fromkeys([*own, *person.handles]))


async def forget(configured: Settings, persons: Persons, person: Person, *, wait_s: float = WAIT_S) -> bool:
    """Forget a person in the nouns that do; return whether there was anything to do.

    Called twice: the second time there is not, and nothing is written. Raises ForgettingRefused where it is
    not done by then, LogUnavailable or ClickHouseError; called again it goes on.
    """
    handles = handles_of(person)
    if len(person.names("player")) + len(handles) > NAMES_MAX:
        raise ForgettingRefused(f"that are more than {NAMES_MAX:,} ids and handles of one person")
    topic, fingerprints = topic_of(configured, TELEMETRY), open_fingerprints(configured)
    async with AsyncExitStack() as stack:
        client = clickhouse_of(configured)
        stack.push_async_callback(client.close)
        tail = KafkaTail(brokers_of(configured), client_id="questlog-forget")
        stack.push_async_callback(tail.stop)
        appender = KafkaAppender(brokers_of(configured), client_id="questlog-forget")
        stack.push_async_callback(appender.stop)
        listed = await read_forgotten(tail)
        known = [Forgotten(fingerprints, listed)] + [
            await forgotten_before(client, topic.name, partition, _OFFSET_MAX, fingerprints)
            for partition in range(topic.partitions)
        ]
        held = parted(await persons.find(person))
        if all(_knows(one, person) for one in known) and not held.goes:
            return False
        if len(listed) >= FORGOTTEN_MAX:
            raise ForgettingRefused(f"{FORGOTTEN_MAX:,} persons are forgotten already")
        # Whose it is is not recorded: that would be kept for ever.
        await stack.enter_async_context(recorded(configured, "persons forget", studio_id=person.studio_id))
        decision = person_forgotten(
            fingerprints,
            person.studio_id,
            players=person.names("player"),
            handles=handles,
            at_ms=now_ms(),
        )
        await list_forgotten(appender, decision)
        record, ends = forgetting_record(decision), dict[int, int]()
        for partition in range(topic.partitions):
            ends[partition] = (await appender.append(topic.name, partition, record)).offset
        await _followed(client, ends, wait_s)
        return True


def _knows(forgotten: Forgotten, person: Person) -> bool:
    return all(forgotten.player(person.studio_id, name) for name in person.names("player")) and all(
        forgotten.handle(person.studio_id, one.game_id, one.name) for one in handles_of(person)
    )


async def _followed(client: ClickHouse, ends: dict[int, int], wait_s: float) -> None:
    """Until ClickHouse is past these records."""
    positions, deadline = Positions(client, TELEMETRY.name), time.monotonic() + wait_s
    while True:
        now = await positions.all()
        behind = [at for at, end in ends.items() if at not in now or now[at].position.offset <= end]
        if not behind:
            return
        if time.monotonic() > deadline:
            raise ForgettingRefused(
                f"it is decided in the log, but `worker clickhouse` has not followed in {wait_s:.0f} s"
                f" (partitions {', '.join(map(str, behind))}): see `questlog status`, then give the same"
                " command again"
            )
        await asyncio.sleep(_LOOK_S)
