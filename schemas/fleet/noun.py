"""The fleet of game servers in this room."""

from __future__ import annotations

from typing import Final, get_args

from schemas.fleet.acts import ACTS, ACTS_OF_KEYS
from schemas.fleet.commands import COMMANDS
from schemas.fleet.errors import S5
from schemas.fleet.events import EVENTS
from schemas.fleet.limits import COMMAND_RECORD_BYTES_MAX
from schemas.fleet.persons import PERSONAL
from schemas.fleet.telemetry import FLEET_RECORD
from schemas.fleet.webhooks import FleetWebhookType
from schemas.noun import NounSchema
from schemas.topics import Topic

_KEPT_MS: Final = 31 * 24 * 60 * 60 * 1000
"""A day longer than samples are kept in ClickHouse."""
FLEET_COMMANDS: Final = Topic(
    name="fleet.commands",
    partitions=1,
    key="game_id",
    command_record_bytes_max=COMMAND_RECORD_BYTES_MAX,
    description="Command records of servers, builds, settings and hosts. The partition follows from the "
    "game; a host serves one partition, whose decider owns its room.",
)
FLEET_EVENTS: Final = Topic(
    name="fleet.events",
    partitions=1,
    description="One events record for each record of the same partition of fleet.commands; `src` is that "
    "record's offset.",
)
FLEET_TELEMETRY: Final = Topic(
    name="fleet.telemetry",
    partitions=1,
    description="What hosts saw of their servers and builds: lines of output, and samples of what they use.",
    retention_ms=_KEPT_MS,
)
NOUN: Final = NounSchema(
    name="fleet",
    topics=(FLEET_COMMANDS, FLEET_EVENTS, FLEET_TELEMETRY),
    commands=COMMANDS,
    events=EVENTS,
    acts=ACTS,
    acts_of_keys=ACTS_OF_KEYS,
    surfaces=(S5,),
    webhook_events=get_args(FleetWebhookType),
    stored=frozenset({FLEET_RECORD}),
    personal=PERSONAL,
)
