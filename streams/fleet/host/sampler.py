"""What a server uses, each 15 s: differences of what the driver counts. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final

from schemas.fleet.telemetry import SAMPLE_EVERY_MS, Sample
from streams.fleet.host.driver import Stats

_LOAD_SAMPLES: Final = 60_000 // SAMPLE_EVERY_MS


class Sampler:
    """Samples of one attempt. The first stats only begin a sample: there is nothing to compare them with."""

    def __init__(self, cpu_cores: float, memory_bytes: int) -> None:
        """What it is allotted."""
        self._cpu_cores = cpu_cores
        self._memory_bytes = memory_bytes
        self._last: tuple[int, int] | None = None
        self._busy: deque[float] = deque(maxlen=_LOAD_SAMPLES)

    def sample(self, stats: Stats, *, now_ns: int, at_ms: int) -> Sample | None:
        """With `source` 0. `now_ns` is of a clock that only goes on, `at_ms` unix time."""
        last, self._last = self._last, (now_ns, stats.cpu_ns)
        if last is None or now_ns <= last[0]:
            return None
        busy = max(0, stats.cpu_ns - last[1]) / (now_ns - last[0])
        self._busy.append(busy)
        return Sample(
            source=0,
            at_ms=at_ms,
            cpu_percent=round(busy / self._cpu_cores * 100, 2),
            memory_bytes=stats.memory_bytes,
            memory_total_bytes=self._memory_bytes,
            received_bytes=stats.received_bytes,
            sent_bytes=stats.sent_bytes,
            tcp_connections=stats.tcp_connections,
            load=round(sum(self._busy) / len(self._busy), 3),
        )
