"""Prometheus metrics of the read side: requests and their latencies."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

_BUCKETS: Final = (0.002, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.4, 0.6, 1.0, 2.5, 5.0)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class HttpMetrics:
    """Counts answered requests by route template, method and status; 0 is a client that hung up."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "questlog_api_requests",
            "Requests answered by the read side.",
            ("route", "method", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "questlog_api_request_seconds",
            "Time from a request's first byte to its answer's last, or to a stream's head.",
            ("route",),
            buckets=_BUCKETS,
            registry=registry,
        )

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        """One answered request."""
        known = method if method in _METHODS else "other"
        self._requests.labels(route, known, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
