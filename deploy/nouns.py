"""The nouns of a deployment: what each room declares of one, joined in one table.

Topics, settings, deciders, Redis projections and their rebuild, snapshots, lag, repair and dead-letter replay
loop over it. `telemetry` has no decider: its facts go straight to ClickHouse.
"""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from deploy.fleet import FLEET
from deploy.liveops import LIVEOPS
from deploy.noun import Noun
from deploy.partition_counts import counted
from deploy.playtests import PLAYTESTS
from deploy.settings import SettingsError, partitions_variable
from deploy.studio import STUDIO
from deploy.telemetry import TELEMETRY
from projections.clickhouse.tables import Tables
from projections.redis.effect_positions import positions_key
from projections.redis.reader import Projection
from projections.webhooks.queue import POSITIONS as WEBHOOKS
from schemas.edge.surfaces import Surfaces
from schemas.operations import OPERATIONS
from schemas.telemetry.errors import S4
from schemas.topics import SHARED, Topic
from streams.deciders.noun import Noun as Decider

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.settings import Settings


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Deciding(Noun):
    """A noun that decides, with a deployment's partition counts."""

    decider: Decider[Any]
    projection: Projection
    commands: Topic

    @property
    def events(self) -> Topic:
        """One events record for each record of the same partition of `commands`."""
        return self.projection.topic

    @property
    def effect_keys(self) -> tuple[str, ...]:
        """The Redis hashes of the positions of effects that read its events, the webhooks' among them."""
        webhooks = (WEBHOOKS,) if self.notified is not None else ()
        names = [name for noun in NOUNS for name in noun.effects if noun.read_by(name) == self.events.name]
        return (*map(positions_key, names), *webhooks)

    @property
    def archived(self) -> bool:
        """Whether its events have tables in ClickHouse."""
        return any(tables.topic.name == self.events.name for tables in self.tables)


NOUNS: tuple[Noun, ...] = (
    STUDIO,
    TELEMETRY,
    LIVEOPS,
    PLAYTESTS,
    FLEET,
)
"""The order is that of reports, and of /docs."""


@cache
def surfaces() -> Surfaces:
    """The APIs of all nouns. What none claims is answered in S4's shape."""
    return Surfaces((one for noun in NOUNS for one in noun.schema.surfaces), S4)


def views() -> list[Path]:
    """The folders of all nouns' views for analysts."""
    return [noun.views for noun in NOUNS if noun.views is not None]


def topics_of(configured: Settings) -> tuple[Topic, ...]:
    """Every topic with this deployment's partition count. Raises SettingsError for a count that can't be."""
    unknown = configured.partitions.keys() - {noun.name for noun in NOUNS}
    if unknown:
        raise SettingsError(f"{partitions_variable(min(unknown))}: there is no such noun")
    return (*(topic for noun in NOUNS for topic in counted(noun.schema, configured)), *SHARED, OPERATIONS)


def counts_of(configured: Settings) -> dict[str, int]:
    """The partition count of every noun's topics. Raises SettingsError as `topics_of` does."""
    return {
        noun.name: max(topic.partitions for topic in counted(noun.schema, configured))
        for noun in NOUNS
        if noun.schema.topics
    }


def topic_of(configured: Settings, topic: Topic) -> Topic:
    """A topic with this deployment's partition count."""
    return next(found for found in topics_of(configured) if found.name == topic.name)


def deciding(configured: Settings) -> tuple[Deciding, ...]:
    """The nouns that decide, in the table's order, with this deployment's partition counts."""
    counted = {topic.name: topic for topic in topics_of(configured)}
    found = []
    for noun in NOUNS:
        if noun.decider is not None and noun.projection is not None:
            parts = {field.name: getattr(noun, field.name) for field in dataclasses.fields(noun)}
            parts["projection"] = replace(noun.projection, topic=counted[noun.projection.topic.name])
            found.append(Deciding(**parts, commands=counted[f"{noun.name}.commands"]))
    return tuple(found)


def tables_of(configured: Settings) -> list[tuple[str, Topic, Tables]]:
    """What is written to ClickHouse: the noun, the topic that the tables follow from, the tables."""
    return [
        (noun.name, topic_of(configured, tables.topic), tables) for noun in NOUNS for tables in noun.tables
    ]
