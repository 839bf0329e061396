"""Playtests in this room."""

from __future__ import annotations

from typing import Final, get_args

from schemas.noun import NounSchema
from schemas.playtests.acts import ACTS, ACTS_OF_KEYS
from schemas.playtests.commands import COMMANDS
from schemas.playtests.errors import S2
from schemas.playtests.events import EVENTS
from schemas.playtests.persons import PERSONAL
from schemas.playtests.webhooks import PlaytestWebhookType
from schemas.topics import Topic

PLAYTESTS_COMMANDS: Final = Topic(
    name="playtests.commands",
    partitions=8,
    key="studio_id",
    description="Command records of orders, accounts, playtesters, games and batches. The partition follows "
    "from the studio.",
)
PLAYTESTS_EVENTS: Final = Topic(
    name="playtests.events",
    partitions=8,
    description="One events record for each record of the same partition of playtests.commands; `src` is "
    "that record's offset.",
)
NOUN: Final = NounSchema(
    name="playtests",
    topics=(PLAYTESTS_COMMANDS, PLAYTESTS_EVENTS),
    commands=COMMANDS,
    events=EVENTS,
    acts=ACTS,
    acts_of_keys=ACTS_OF_KEYS,
    surfaces=(S2,),
    webhook_events=get_args(PlaytestWebhookType),
    personal=PERSONAL,
)
