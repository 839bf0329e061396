"""The fleet of game servers: each room's part, joined."""

from __future__ import annotations

from typing import Final

from deploy.noun import Acting, Noun, Tick
from projections.fleet.projection import FLEET as PROJECTION
from projections.fleet.queries import FleetQueries
from schemas.fleet.noun import NOUN
from streams.deciders.fleet.noun import FLEET as DECIDER
from streams.fleet.dues import DueManager


def _managers(acting: Acting) -> dict[str, Tick]:
    dues = DueManager(acting.asker, FleetQueries(acting.redis), partitions=acting.events.partitions)
    return {"fleet": dues.tick}


FLEET: Final = Noun(schema=NOUN, decider=DECIDER, projection=PROJECTION, managers=_managers)
