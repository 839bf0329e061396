"""Carries lines and samples of all servers of a host, and what is said of builds, into the log.

It goes on only when the log has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from schemas.fleet.telemetry import (
    FLEET_RECORD_VERSION,
    BuildLine,
    FleetRecord,
    Line,
    Sample,
    Source,
    encode_fleet_record,
)
from schemas.log import Appender
from streams.fleet.host.launch import Launch
from streams.fleet.host.lines import Printed
from streams.fleet.host.output import Output

LINES_MAX: Final = 2000
"""Of one server in one go."""
_RECORD_BYTES: Final = 512 * 1024
"""A line has at most 8 KiB: with one more a record is still far below its bound."""
_LINE_BYTES: Final = 40


class OutputSource(Protocol):
    """A server whose output is carried."""

    @property
    def launch(self) -> Launch:
        """What it runs."""
        ...

    output: Output
    samples: list[Sample]


class Telemetry:
    """Appends to `fleet.telemetry`, keyed by the host."""

    def __init__(self, appender: Appender, *, topic: str, partition: int, host_id: str, epoch: int) -> None:
        self._appender = appender
        self._topic = topic
        self._partition = partition
        self._host_id = host_id
        self._epoch = epoch

    async def tell(self, read: Sequence[tuple[OutputSource, Sequence[Printed]]]) -> None:
        """Appends what was read, and lets each server know. Raises LogUnavailable: then append it again."""
        sources: list[Source] = []
        lines: list[Line] = []
        samples: list[Sample] = []
        size = 0
        for server, printed in read:
            sources.append(_source(server.launch))
            samples += [msgspec.structs.replace(sample, source=len(sources) - 1) for sample in server.samples]
            for line in printed:
                lines.append(_line(line, len(sources) - 1))
                size += len(line.message.encode()) + _LINE_BYTES
                if size > _RECORD_BYTES:
                    await self._append(sources, lines, samples)
                    sources, lines, samples, size = [_source(server.launch)], [], [], 0
        if lines or samples:
            await self._append(sources, lines, samples)
        for server, _ in read:
            server.samples.clear()
            server.output.appended()

    async def tell_builds(self, lines: list[BuildLine]) -> None:
        """Appends what was said of builds; what the log has leaves `lines`. Raises LogUnavailable."""
        while lines:
            count = size = 0
            while count < len(lines) and size <= _RECORD_BYTES:
                size += len(lines[count].message.encode()) + _LINE_BYTES
                count += 1
            await self._append([], [], [], lines[:count])
            del lines[:count]

    async def _append(
        self,
        sources: list[Source],
        lines: list[Line],
        samples: list[Sample],
        build_lines: list[BuildLine] | None = None,
    ) -> None:
        record = FleetRecord(
            version=FLEET_RECORD_VERSION,
            host_id=self._host_id,
            epoch=self._epoch,
            sources=sources,
            lines=lines,
            samples=samples,
            build_lines=build_lines or [],
        )
        key = self._host_id.encode()
        await self._appender.append(self._topic, self._partition, encode_fleet_record(record), key)


def _source(launch: Launch) -> Source:
    return Source(
        launch.studio_id, launch.game_id, launch.instance_id, launch.attempt, launch.name, launch.region
    )


def _line(line: Printed, source: int) -> Line:
    return Line(source, line.stream, line.offset, line.at_ms, line.level, line.message)
