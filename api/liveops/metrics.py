"""Prometheus metrics of who listens to boards."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


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
