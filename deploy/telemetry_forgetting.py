"""Forgets a person in telemetry on a running stack: decides it in the log, and waits until it is followed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deploy.clock import now_ms
from deploy.forgetting import ForgettingRefused, Running, followed
from deploy.nouns import topic_of
from deploy.sealing import open_fingerprints
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

if TYPE_CHECKING:
    from schemas.persons import Person

NOUN: Final = "telemetry"
_OFFSET_MAX: Final = 2**63 - 1


def handles_of(person: Person) -> list[Handle]:
    """The handles that mean a person: those linked to them, and in each game their id itself. Pure."""
    own = [Handle(game_id, name) for game_id in person.games for name in person.names("handle")]
    return list(dict.fromkeys([*own, *person.handles]))


class TelemetryForgetting:
    """One person's. Raises LogUnavailable or ClickHouseError."""

    def __init__(self, running: Running, person: Person) -> None:
        self._running = running
        self._person = person
        self._topic = topic_of(running.configured, TELEMETRY)
        self._fingerprints = open_fingerprints(running.configured)

    async def is_wanted(self, *, held: bool) -> bool:
        """Whether there is anything to do; `held` says that stores still hold something.

        Raises ForgettingRefused where there are too many persons, or names of this one.
        """
        person = self._person
        if len(person.names("player")) + len(handles_of(person)) > NAMES_MAX:
            raise ForgettingRefused(f"that are more than {NAMES_MAX:,} ids and handles of one person")
        client, topic = self._running.client, self._topic
        listed = await read_forgotten(self._running.tail)
        known = [Forgotten(self._fingerprints, listed)] + [
            await forgotten_before(client, topic.name, partition, _OFFSET_MAX, self._fingerprints)
            for partition in range(topic.partitions)
        ]
        wanted = held or not all(_knows(one, person) for one in known)
        if wanted and len(listed) >= FORGOTTEN_MAX:
            raise ForgettingRefused(f"{FORGOTTEN_MAX:,} persons are forgotten already")
        return wanted

    async def forget(self) -> None:
        """Decide it, and return once ClickHouse has followed. Raises ForgettingRefused."""
        person, topic, appender = self._person, self._topic, self._running.appender
        decision = person_forgotten(
            self._fingerprints,
            person.studio_id,
            players=person.names("player"),
            handles=handles_of(person),
            at_ms=now_ms(),
        )
        await list_forgotten(appender, decision)
        record, ends = forgetting_record(decision), dict[int, int]()
        for partition in range(topic.partitions):
            ends[partition] = (await appender.append(topic.name, partition, record)).offset + 1
        await followed(self._running, topic, ends)


def _knows(forgotten: Forgotten, person: Person) -> bool:
    return all(forgotten.player(person.studio_id, name) for name in person.names("player")) and all(
        forgotten.handle(person.studio_id, one.game_id, one.name) for one in handles_of(person)
    )
