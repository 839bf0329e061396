"""What hosts tell of their servers beside decisions: printed lines and samples.

The topic `fleet.telemetry` holds them, facts without a decider: a host appends them as it reads them, keyed
by its id, and ClickHouse keeps them. Source: contract/fleet.md, "Logs and metrics".

NOTE: these shapes are stored. Fields are positional (`array_like`): append new ones with a default at the
end, never reorder.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

RECORD_VERSION: Final = 1
LINE_BYTES_MAX: Final = 8 * 1024
"""A longer line is split."""
LINES_PER_SECOND_MAX: Final = 200
"""Of a server, as a mean over `LINES_MEAN_S`; more are dropped, and one warning counts them."""
LINES_MEAN_S: Final = 10
SAMPLE_EVERY_S: Final = 15
LOGS_KEPT_DAYS: Final = 7
METRICS_KEPT_DAYS: Final = 30

Level = Literal["error", "warn", "info", "debug"]
LEVELS: Final[tuple[Level, ...]] = ("error", "warn", "info", "debug")
Count = Annotated[int, Meta(ge=0)]


class Line(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A printed line, or a piece of one.

    (instance, attempt, stream, offset) names it: sent again after its host's agent died it changes nothing.
    Of the lines of one stream neither `offset` nor `at_ms` ever goes back.
    """

    stream: Literal["stdout", "stderr"]
    offset: Count
    """Of its first byte in what the attempt has printed there. A warning that lines were dropped has that of
    the first dropped one."""
    at_ms: int
    """When the agent read it, in unix milliseconds."""
    level: Level
    message: str
    """Without escape sequences and the end of line; what is no UTF-8 is U+FFFD."""


class Sample(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an attempt used at a time. Counters begin at 0 in each attempt."""

    at_ms: int
    cpu_percent: float
    """Of what it is allotted, since the sample before."""
    memory_bytes: Count
    rx_bytes: Count
    """Since the attempt's start, as `tx_bytes`."""
    tx_bytes: Count
    tcp_connections: Count
    load: float
    """Busy cores, as a mean over a minute."""


class InstanceTelemetry(msgspec.Struct, frozen=True, array_like=True):
    """What is told of one attempt of a server, in the order it was read."""

    studio_id: str
    game_id: str
    instance_id: str
    server_name: str
    region: str
    attempt: Count
    lines: list[Line]
    samples: list[Sample]


class HostTelemetry(msgspec.Struct, frozen=True, array_like=True):
    """A record."""

    version: int
    host_id: str
    epoch: int
    """Of the host's agent, so that one which was replaced can be told from its successor."""
    instances: list[InstanceTelemetry]


def encode(record: HostTelemetry) -> bytes:
    """As it is stored: MessagePack."""
    return _encoder.encode(record)


def decode(value: bytes) -> HostTelemetry:
    """A stored record. Raises msgspec.DecodeError."""
    return _decoder.decode(value)


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(HostTelemetry)
