"""Records of `fleet.telemetry`: what an agent saw of its servers and builds. No decider reads them.

A line is (instance, attempt, stream, byte offset): an agent that died sends some again, and readers drop what
they have. A record's key is the host's id; one record holds at most `RECORD_BYTES_MAX` of texts.
NOTE: these shapes are stored. Fields are positional (`array_like`): append with a default, never reorder.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

FLEET_RECORD: Final = "fleet-record.v1"
FLEET_RECORD_VERSION: Final = 1
RECORD_BYTES_MAX: Final = 1024 * 1024
LINE_BYTES_MAX: Final = 8 * 1024
SAMPLE_EVERY_MS: Final = 15_000

Stream = Literal["stdout", "stderr", "agent"]
"""`agent`: a word of the host's, such as how many lines were dropped."""
Level = Literal["error", "warn", "info", "debug"]


class Source(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An attempt of a server."""

    studio_id: str
    game_id: str
    instance_id: str
    attempt: int
    name: str
    region: str


class Line(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A line of output, without ANSI sequences and valid UTF-8."""

    source: int
    """Its place in the record's `sources`."""
    stream: Stream
    offset: int
    """Where the line begins in the attempt's stream, in bytes as the process wrote them."""
    at_ms: int
    level: Level
    message: str


class Sample(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an attempt used in the 15 s before."""

    source: int
    at_ms: int
    cpu_percent: float
    """Of its allotment."""
    memory_bytes: int
    memory_total_bytes: int
    received_bytes: int
    """Since the attempt began. So are `sent_bytes`."""
    sent_bytes: int
    tcp_connections: int
    load: float
    """Busy cores, mean of a minute."""


class BuildLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A line about the processing of a build: (build, attempt, number) once."""

    studio_id: str
    game_id: str
    build_id: str
    attempt: int
    number: int
    """From 1 in each attempt."""
    at_ms: int
    level: Level
    step: str
    message: str


class FleetRecord(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One record of a host."""

    version: int
    host_id: str
    epoch: int
    sources: list[Source] = []
    lines: list[Line] = []
    samples: list[Sample] = []
    build_lines: list[BuildLine] = []


_encode: Final = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder(FleetRecord)


def encode_fleet_record(record: FleetRecord) -> bytes:
    """The value of a record."""
    return _encode(record)


def decode_fleet_record(value: bytes) -> FleetRecord:
    """Raises ValueError for a version that is unknown to this build, `msgspec.DecodeError` for no record."""
    record = _decoder.decode(value)
    if record.version != FLEET_RECORD_VERSION:
        raise ValueError(f"fleet record version {record.version} is unknown to this build")
    return record
