"""Studios, games, keys and definitions in this room."""

from __future__ import annotations

from typing import Final

from schemas.noun import NounSchema
from schemas.studio.acts import ACTS
from schemas.studio.commands import COMMANDS
from schemas.studio.events import EVENTS
from schemas.studio.persons import PERSONAL
from schemas.topics import Topic

STUDIO_COMMANDS: Final = Topic(
    name="studio.commands",
    partitions=1,
    partitions_max=1,
    description="Command records about studios, games, keys and definitions. One partition: its decider owns "
    "all that is globally unique.",
)
STUDIO_EVENTS: Final = Topic(
    name="studio.events",
    partitions=1,
    partitions_max=1,
    description="One events record for each record of studio.commands; `src` is that record's offset.",
)
NOUN: Final = NounSchema(
    name="studio",
    topics=(STUDIO_COMMANDS, STUDIO_EVENTS),
    commands=COMMANDS,
    events=EVENTS,
    personal=PERSONAL,
    acts=ACTS,
)
