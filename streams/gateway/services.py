"""What every handler of the write side uses: credentials, limits, source address, body, log, clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from schemas.edge.authentication import Ambiguous, header
from schemas.edge.credentials import Credentials, count_unknown_key
from schemas.edge.errors import Refused
from schemas.edge.ports import Directory, RateLimiter, Verdict
from schemas.edge.proxy import UNKNOWN_PLACE, Place, TrustedProxies, counted_address
from schemas.edge.surfaces import Surfaces
from schemas.telemetry.record import EntryKind, TelemetryEntry
from streams.gateway.body import ReadDeadlines, read_body
from streams.gateway.body_validation import LARGE_BYTES, BodyValidator
from streams.gateway.http import Request
from streams.gateway.memory_quotas import BodiesInFlight, Reservation
from streams.gateway.metrics import GatewayMetrics
from streams.gateway.telemetry_producer import TelemetryAppending

T = TypeVar("T")


class Services:
    """The gateway's collaborators, injected once."""

    def __init__(
        self,
        *,
        directory: Directory,
        limiter: RateLimiter,
        appending: TelemetryAppending,
        proxies: TrustedProxies,
        metrics: GatewayMetrics,
        now_ms: Callable[[], int],
        read_timeout_s: float,
        in_flight: BodiesInFlight,
        surfaces: Surfaces,
    ) -> None:
        self.directory: Final = directory
        self.limiter: Final = limiter
        self.appending: Final = appending
        self.proxies: Final = proxies
        self.metrics: Final = metrics
        self.now_ms: Final = now_ms
        self.body_validator: Final = BodyValidator()
        self.deadlines: Final = ReadDeadlines(read_timeout_s)
        self.in_flight: Final = in_flight
        self.surfaces: Final = surfaces
        self.credentials: Final = Credentials(directory)
        self.credential: Final = self.credentials.credential
        self.game: Final = self.credentials.game

    def source_ip(self, request: Request) -> str:
        """The client's address, through trusted proxies."""
        return self.proxies.source_ip(request.ip, request.raw_headers)

    def place(self, request: Request) -> Place:
        """Where the client is, as far as a trusted proxy says."""
        if not self.proxies.trusts(request.ip):
            return UNKNOWN_PLACE
        return self.proxies.place(request.ip, request.raw_headers)

    async def count_unknown_key(self, request: Request) -> Verdict:
        """Take from the small bucket that all unknown keys of one address share."""
        return await count_unknown_key(self.limiter, self.source_ip(request))

    def hold(self, request: Request, key_id: str) -> Reservation:
        """What counts the memory that a request takes; given back when it is answered."""
        address = counted_address(self.source_ip(request))
        request.reservation = Reservation(self.in_flight, key_id, address)
        return request.reservation

    async def body(self, request: Request, limit: int, key_id: str) -> bytes:
        """The request's whole body within a size, a time and what may be in flight."""
        return await read_body(request, limit, self.deadlines, self.hold(request, key_id))

    async def validated(
        self, judge: Callable[[], T], body: bytes, charge: Callable[[], Awaitable[object]]
    ) -> T:
        """What `judge` says of a body, or what it raises; a large one is judged beside the event loop.

        `charge` takes one call more of the sender's limit, for each `CALL_CPU_S` that it took.
        """
        if len(body) <= LARGE_BYTES:
            return judge()
        result, calls = await self.body_validator.run(judge)
        for _ in range(calls):
            await charge()
        if isinstance(result, Exception):
            raise result
        return result

    def entry(
        self,
        kind: EntryKind,
        request: Request,
        *,
        studio_id: str,
        game_id: str,
        item_count: int,
        body: bytes,
    ) -> TelemetryEntry:
        """One request as the log keeps it."""
        place = self.place(request)
        return TelemetryEntry(
            kind=kind,
            request_id=request.id.decode(),
            studio_id=studio_id,
            game_id=game_id,
            received_at_ms=self.now_ms(),
            item_count=item_count,
            country=place.country,
            region=place.region,
            city=place.city,
            body=body,
        )


def one_header(request: Request, name: bytes) -> str:
    """A credential header's value; empty where missing. Refused with 401 where two differ."""
    if request.repeated(name):
        try:
            return header(request.raw_headers, name)
        except Ambiguous as error:
            raise Refused(401, str(error)) from None
    value = request.headers.get(name)
    return value.decode("latin-1").strip() if value else ""


def bearer(request: Request) -> str:
    """The token of `Authorization: Bearer`; empty where there is none."""
    scheme, _, token = one_header(request, b"authorization").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
