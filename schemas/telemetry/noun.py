"""Telemetry in this room: facts, without a decider."""

from __future__ import annotations

from typing import Final

from schemas.noun import NounSchema
from schemas.telemetry.errors import S1, S4
from schemas.telemetry.persons import PERSONAL
from schemas.telemetry.record import EntryKind
from schemas.topics import Topic

TELEMETRY: Final = Topic(
    name="telemetry",
    partitions=1,
    description="Validated telemetry requests as sent, session deadlines and ticks: facts, no decider.",
    trimmable=True,
)
TELEMETRY_SKIPS: Final = Topic(
    name="telemetry.skips",
    partitions=1,
    partitions_max=1,
    description="The list of decisions to skip a telemetry record; each is in the telemetry topic as well.",
)
TELEMETRY_FORGOTTEN: Final = Topic(
    name="telemetry.forgotten",
    partitions=1,
    partitions_max=1,
    description="The list of forgotten persons, as fingerprints; each is in the telemetry topic as well.",
)
NOUN: Final = NounSchema(
    name="telemetry",
    topics=(TELEMETRY, TELEMETRY_SKIPS, TELEMETRY_FORGOTTEN),
    surfaces=(S1, S4),
    stored=frozenset({"telemetry-record.v1", *EntryKind}),
    personal=PERSONAL,
)
