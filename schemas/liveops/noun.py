"""Live-ops in this room."""

from __future__ import annotations

from typing import Final, get_args

from schemas.liveops.commands import COMMANDS
from schemas.liveops.errors import S3
from schemas.liveops.events import EVENTS
from schemas.liveops.persons import PERSONAL
from schemas.liveops.webhooks import WebhookType
from schemas.noun import NounSchema
from schemas.topics import Topic

LIVEOPS_COMMANDS: Final = Topic(
    name="liveops.commands",
    partitions=8,
    description="Command records of players, groups, lobbies and boards. The partition follows from the "
    "aggregate's id; a window's closing goes to each.",
)
LIVEOPS_EVENTS: Final = Topic(
    name="liveops.events",
    partitions=8,
    description="One events record for each record of the same partition of liveops.commands; `src` is that "
    "record's offset.",
)
NOUN: Final = NounSchema(
    name="liveops",
    topics=(LIVEOPS_COMMANDS, LIVEOPS_EVENTS),
    commands=COMMANDS,
    events=EVENTS,
    surfaces=(S3,),
    webhook_events=get_args(WebhookType),
    personal=PERSONAL,
)
