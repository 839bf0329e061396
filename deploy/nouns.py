"""The nouns of a deployment: what each room declares of one, joined in one table.

Topics, settings, deciders, Redis projections and their rebuild, snapshots, lag, repair and dead-letter replay
loop over it. `telemetry` has no decider: its facts go straight to ClickHouse.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from deploy.settings import SettingsError, partitions_variable
from projections.liveops.projection import LIVEOPS as LIVEOPS_PROJECTION
from projections.redis.reader import Projection
from projections.studio.projection import STUDIO as STUDIO_PROJECTION
from schemas.liveops.noun import NOUN as LIVEOPS
from schemas.noun import NounSchema
from schemas.studio.noun import NOUN as STUDIO
from schemas.telemetry.noun import NOUN as TELEMETRY
from schemas.topics import SHARED, Topic
from streams.deciders.liveops.noun import LIVEOPS as LIVEOPS_DECIDER
from streams.deciders.noun import Noun as Decider
from streams.deciders.studio import STUDIO as STUDIO_DECIDER

if TYPE_CHECKING:
    from deploy.settings import Settings


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Deciding:
    """A noun's decider and its projection in Redis."""

    decider: Decider[Any]
    commands: Topic
    projection: Projection
    archived: bool
    effects: bool

    @property
    def name(self) -> str:
        """The noun's."""
        return self.decider.name

    @property
    def events(self) -> Topic:
        """One events record for each record of the same partition of `commands`."""
        return self.projection.topic


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Noun:
    """A noun. All parts but the first are optional."""

    schema: NounSchema
    decider: Decider[Any] | None = None
    projection: Projection | None = None
    """There is one where there is a decider."""
    archived: bool = False
    """Its events have tables in ClickHouse."""
    effects: bool = False
    """The effects role reads its events."""

    @property
    def name(self) -> str:
        """As in topics, keys, settings and folders."""
        return self.schema.name


NOUNS: tuple[Noun, ...] = (
    Noun(schema=STUDIO, decider=STUDIO_DECIDER, projection=STUDIO_PROJECTION),
    Noun(schema=TELEMETRY),
    Noun(
        schema=LIVEOPS,
        decider=LIVEOPS_DECIDER,
        projection=LIVEOPS_PROJECTION,
        archived=True,
        effects=True,
    ),
)


def topics_of(configured: Settings) -> tuple[Topic, ...]:
    """Every topic with this deployment's partition count. Raises SettingsError for a count that can't be."""
    unknown = configured.partitions.keys() - {noun.name for noun in NOUNS}
    if unknown:
        raise SettingsError(f"{partitions_variable(min(unknown))}: there is no such noun")
    return (*(topic for noun in NOUNS for topic in _counted(noun.schema, configured)), *SHARED)


def counts_of(configured: Settings) -> dict[str, int]:
    """The partition count of every noun's topics. Raises SettingsError as `topics_of` does."""
    return {
        noun.name: max(topic.partitions for topic in _counted(noun.schema, configured))
        for noun in NOUNS
        if noun.schema.topics
    }


def topic_of(configured: Settings, topic: Topic) -> Topic:
    """A topic with this deployment's partition count."""
    return next(found for found in topics_of(configured) if found.name == topic.name)


def deciding(configured: Settings) -> tuple[Deciding, ...]:
    """The nouns that decide, in the table's order, with this deployment's partition counts."""
    counted = {topic.name: topic for topic in topics_of(configured)}
    return tuple(
        Deciding(
            decider=noun.decider,
            commands=counted[f"{noun.name}.commands"],
            projection=replace(noun.projection, topic=counted[noun.projection.topic.name]),
            archived=noun.archived,
            effects=noun.effects,
        )
        for noun in NOUNS
        if noun.decider is not None and noun.projection is not None
    )


def _counted(schema: NounSchema, configured: Settings) -> list[Topic]:
    count = configured.partitions.get(schema.name)
    if count is None:
        return list(schema.topics)
    most = max((topic.partitions_max for topic in schema.topics), default=0)
    if count > most:
        raise SettingsError(f"{partitions_variable(schema.name)} must be from 1 to {most}, not {count}")
    return [replace(topic, partitions=min(count, topic.partitions_max)) for topic in schema.topics]
