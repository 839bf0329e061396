"""Forgets a person in the nouns that can, one after the other."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

import msgspec

from deploy import liveops_forgetting, playtests_forgetting, telemetry_forgetting
from deploy.brokers import brokers_of
from deploy.clickhouse_clients import clickhouse_of
from deploy.forgetting import WAIT_S, Running
from deploy.liveops_forgetting import LiveopsForgetting
from deploy.nouns import NOUNS
from deploy.operations import recorded
from deploy.playtests_forgetting import PlaytestsForgetting
from deploy.telemetry_forgetting import TelemetryForgetting
from streams.runtime.partition_reads import KafkaTail
from streams.runtime.producer import KafkaAppender

if TYPE_CHECKING:
    from deploy.persons import Persons, Place
    from deploy.settings import Settings
    from schemas.persons import Person

_NOUNS: Final[dict[str, type[TelemetryForgetting | LiveopsForgetting | PlaytestsForgetting]]] = {
    telemetry_forgetting.NOUN: TelemetryForgetting,
    liveops_forgetting.NOUN: LiveopsForgetting,
    playtests_forgetting.NOUN: PlaytestsForgetting,
}
FORGETS: Final = tuple(_NOUNS)
"""The nouns that forget a person. What the others hold stays, and is named."""


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


async def forget(configured: Settings, persons: Persons, person: Person, *, wait_s: float = WAIT_S) -> bool:
    """Forget a person in the nouns that do; return whether there was anything to do.

    Called twice: the second time there is not, and nothing is written. Raises ForgettingRefused where it is
    not done by then, LogUnavailable, StoreUnavailable or ClickHouseError; called again it goes on.
    """
    async with AsyncExitStack() as stack:
        client = clickhouse_of(configured)
        stack.push_async_callback(client.close)
        tail = KafkaTail(brokers_of(configured), client_id="questlog-forget")
        stack.push_async_callback(tail.stop)
        appender = KafkaAppender(brokers_of(configured), client_id="questlog-forget")
        stack.push_async_callback(appender.stop)
        running = Running(
            configured=configured, client=client, tail=tail, appender=appender, stack=stack, wait_s=wait_s
        )
        holding = {noun_of(place) for place in parted(await persons.find(person)).goes}
        wanted = []
        for name, kind in _NOUNS.items():
            one = kind(running, person)
            if await one.is_wanted(held=name in holding):
                wanted.append(one)
        if not wanted:
            return False
        # Whose it is is not recorded: that would be kept for ever.
        await stack.enter_async_context(recorded(configured, "persons forget", studio_id=person.studio_id))
        for one in wanted:
            await one.forget()
        return True
