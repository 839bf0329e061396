"""Prometheus metrics of the read side: requests and their latencies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from schemas.edge.routes import Route

_BUCKETS: Final = (0.002, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.4, 0.6, 1.0, 2.5, 5.0)
_READ_BUCKETS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.4, 1.0, 2.5)
_OTHER: Final = "other"
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


class ReadMetrics:
    """A noun's reads: answers by route and status, and their time. Streams are counted when they end."""

    def __init__(self, registry: CollectorRegistry, noun: str, timed: Iterable[Route]) -> None:
        """`timed` are the routes whose time is observed: all but streams."""
        self._answers = Counter(
            f"questlog_{noun}_reads",
            f"Requests answered by the reads of {noun}.",
            ("route", "status"),
            registry=registry,
        )
        seconds = Histogram(
            f"questlog_{noun}_read_seconds",
            "Time from a read's head to its answer.",
            ("route",),
            buckets=_READ_BUCKETS,
            registry=registry,
        )
        self._seconds: dict[str, Histogram] = {
            route.template: seconds.labels(route.template) for route in timed
        }
        self._children: dict[tuple[Route | None, int], Counter] = {}

    def observe(self, route: Route | None, status: int, elapsed_s: float) -> None:
        """One answered request, of no route where the path has none; 0 is a client that hung up."""
        key = (route, status)
        template = _OTHER if route is None else route.template
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._answers.labels(template, str(status))
        child.inc()
        seconds = self._seconds.get(template)
        if seconds is not None:
            seconds.observe(elapsed_s)
