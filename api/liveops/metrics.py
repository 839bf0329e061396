"""Prometheus metrics of liveops' reads: answers, and who listens to boards."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from api.liveops.routes import ROUTES, STREAM
from schemas.edge.routes import Route

_BUCKETS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.4, 1.0, 2.5)


class ReadMetrics:
    """Answers by route and status, and the time they took. Streams are counted when they end."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._answers = Counter(
            "questlog_liveops_reads",
            "Requests answered by liveops' reads.",
            ("route", "status"),
            registry=registry,
        )
        seconds = Histogram(
            "questlog_liveops_read_seconds",
            "Time from a read's head to its answer.",
            ("route",),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._seconds: dict[str, Histogram] = {
            route.template: seconds.labels(route.template) for route in ROUTES if route is not STREAM
        }
        self._children: dict[tuple[Route, int], Counter] = {}

    def observe(self, route: Route, status: int, elapsed_s: float) -> None:
        """One answered request; 0 is a client that hung up."""
        key = (route, status)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._answers.labels(route.template, str(status))
        child.inc()
        seconds = self._seconds.get(route.template)
        if seconds is not None:
            seconds.observe(elapsed_s)


class ListenerMetrics:
    """Listeners of this process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.listeners = Gauge("questlog_liveops_listeners", "Open leaderboard streams.", registry=registry)
        self.dropped = Counter(
            "questlog_liveops_listeners_dropped",
            "Streams ended because their reader was slow.",
            registry=registry,
        )
        self.events = Counter(
            "questlog_liveops_stream_events", "Events published to subscribers, once each.", registry=registry
        )
