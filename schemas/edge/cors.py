"""CORS for the routes that games call from browsers. Pure.

Each surface says which they are. They answer preflights with 204, for any origin by default, with the
documented headers allowed and exposed (contract/common.md). No credentials mode: keys travel in headers,
never in cookies, so that `*` is safe.
"""

from __future__ import annotations

from typing import Final

_METHODS: Final = b"GET, POST, PUT, PATCH, DELETE, OPTIONS"
_ALLOWED: Final = (
    b"Authorization, Content-Type, Content-Encoding, X-Public-Token, X-Api-Key, Api-Key, X-Player-Secret, "
    b"Idempotency-Key, Last-Event-ID, X-Request-Id, "
    # What clients add by themselves: EventSource polyfills, fetch's `no-store`, axios and jQuery, the tracing
    # of OpenTelemetry and Sentry, Unity's web requests.
    b"Accept, Cache-Control, Pragma, X-Requested-With, Traceparent, Tracestate, Baggage, Sentry-Trace, "
    b"X-Unity-Version"
)
_EXPOSED: Final = (
    b"Retry-After, X-Request-Id, Idempotency-Key, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, "
    b"X-RateLimit-Limit, X-RateLimit-Remaining"
)
_MAX_AGE: Final = b"7200"

RawHeaders = tuple[tuple[bytes, bytes], ...]


class Cors:
    """Answers for a set of allowed origins; `*` allows any. `expose` is constant where any origin is."""

    def __init__(self, origins: tuple[str, ...] = ("*",)) -> None:
        self._any = "*" in origins
        self._origins = {origin.encode() for origin in origins}
        self._for_any: RawHeaders = (
            (b"access-control-allow-origin", b"*"),
            (b"access-control-expose-headers", _EXPOSED),
        )

    def expose(self, origin: bytes | None) -> RawHeaders:
        """Headers that every answer on a client-safe path carries, errors included."""
        if self._any:
            return self._for_any
        if origin is None or origin not in self._origins:
            return ((b"vary", b"origin"),)
        return (
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _EXPOSED),
            (b"vary", b"origin"),
        )

    def preflight(self, origin: bytes | None) -> RawHeaders:
        """Headers of the 204 that answers an OPTIONS request."""
        return (
            *self.expose(origin),
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _ALLOWED),
            (b"access-control-max-age", _MAX_AGE),
        )
