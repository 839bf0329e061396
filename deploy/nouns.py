"""The nouns of a deployment: what each room declares of one, joined in one table.

Topics, deciders, Redis projections and their rebuild, snapshots, lag, repair and dead-letter replay loop over
it. ClickHouse tables and effects are opened by their roles. `telemetry` is not in it: it has no decider, its
facts go straight to ClickHouse.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from projections.liveops.projection import LIVEOPS as LIVEOPS_PROJECTION
from projections.redis.reader import Projection
from projections.studio.projection import STUDIO as STUDIO_PROJECTION
from schemas import topics
from schemas.topics import Topic
from streams.deciders.liveops.noun import LIVEOPS as LIVEOPS_DECIDER
from streams.deciders.noun import Noun as Decider
from streams.deciders.studio import STUDIO as STUDIO_DECIDER

if TYPE_CHECKING:
    from deploy.settings import Settings


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Noun:
    """A noun that decides. The topics carry a deployment's partition counts once `nouns_of` has set them."""

    decider: Decider[Any]
    commands: Topic
    projection: Projection
    archived: bool = False
    """Its events have tables in ClickHouse."""
    effects: bool = False
    """The effects role reads its events."""

    @property
    def name(self) -> str:
        """As in topics, keys and folders."""
        return self.decider.name

    @property
    def events(self) -> Topic:
        """One events record for each record of the same partition of `commands`."""
        return self.projection.topic


NOUNS: Final = (
    Noun(decider=STUDIO_DECIDER, commands=topics.STUDIO_COMMANDS, projection=STUDIO_PROJECTION),
    Noun(
        decider=LIVEOPS_DECIDER,
        commands=topics.LIVEOPS_COMMANDS,
        projection=LIVEOPS_PROJECTION,
        archived=True,
        effects=True,
    ),
)


def nouns_of(configured: Settings) -> tuple[Noun, ...]:
    """`NOUNS` with this deployment's partition counts."""
    counted = {topic.name: topic for topic in topics_of(configured)}
    return tuple(
        dataclasses.replace(
            noun,
            commands=counted[noun.commands.name],
            projection=replace(noun.projection, topic=counted[noun.events.name]),
        )
        for noun in NOUNS
    )


def topics_of(configured: Settings) -> tuple[Topic, ...]:
    """Every topic with this deployment's partition count."""
    counts = {
        topics.TELEMETRY: configured.telemetry_partitions,
        topics.LIVEOPS_COMMANDS: configured.liveops_partitions,
        topics.LIVEOPS_EVENTS: configured.liveops_partitions,
    }
    return tuple(replace(topic, partitions=counts.get(topic, topic.partitions)) for topic in topics.ALL)
