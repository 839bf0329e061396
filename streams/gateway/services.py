"""What every handler of the write side uses: credentials, limits, source address, body, log, clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from schemas.edge.authentication import Ambiguous, header
from schemas.edge.limits import UNKNOWN_KEYS_PER_SECOND, unknown_bucket
from schemas.edge.ports import UNKNOWN, Credential, Directory, Game, RateLimiter, Unknown, Verdict
from schemas.edge.proxy import UNKNOWN_PLACE, Place, TrustedProxies, counted_address
from schemas.telemetry.record import PartKind, TelemetryPart
from streams.gateway.appending import TelemetryAppending
from streams.gateway.body import ReadDeadlines, read_body
from streams.gateway.http import Refused, Request
from streams.gateway.in_flight import BodiesInFlight, Holding
from streams.gateway.judging import LARGE_BYTES, Judging
from streams.gateway.metrics import GatewayMetrics

T = TypeVar("T")
Cached = Callable[[str], Credential | Unknown | None]
CachedGame = Callable[[str], Game | Unknown | None]


def _no_memory(_: str) -> Unknown:
    return UNKNOWN


class Services:
    """The gateway's collaborators, injected once. `cached_*` of the directory are used where it has them."""

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
    ) -> None:
        self.directory: Final = directory
        self.limiter: Final = limiter
        self.appending: Final = appending
        self.proxies: Final = proxies
        self.metrics: Final = metrics
        self.now_ms: Final = now_ms
        self.judging: Final = Judging()
        self.deadlines: Final = ReadDeadlines(read_timeout_s)
        self.in_flight: Final = in_flight
        self.cached_credential: Final[Cached] = getattr(directory, "cached_credential", _no_memory)
        self.cached_game: Final[CachedGame] = getattr(directory, "cached_game", _no_memory)

    async def credential(self, presented: str) -> Credential | None:
        """Whom a presented key speaks for, from memory where it may. Raises `StoreUnavailable`."""
        known = self.cached_credential(presented)
        if isinstance(known, Unknown):
            return await self.directory.credential(presented)
        return known

    async def game(self, game_id: str) -> Game | None:
        """A game by id, from memory where it may. Raises `StoreUnavailable`."""
        known = self.cached_game(game_id)
        if isinstance(known, Unknown):
            return await self.directory.game(game_id)
        return known

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
        bucket = unknown_bucket(self.source_ip(request))
        return await self.limiter.take(bucket, limit=UNKNOWN_KEYS_PER_SECOND, period_ms=1000)

    def hold(self, request: Request, key_id: str) -> Holding:
        """What counts the memory that a request takes; given back when it is answered."""
        address = counted_address(self.source_ip(request))
        request.holding = Holding(self.in_flight, key_id, address)
        return request.holding

    async def body(self, request: Request, limit: int, key_id: str) -> bytes:
        """The request's whole body within a size, a time and what may be in flight."""
        return await read_body(request, limit, self.deadlines, self.hold(request, key_id))

    async def judged(self, judge: Callable[[], T], body: bytes, charge: Callable[[], Awaitable[object]]) -> T:
        """What `judge` says of a body, or what it raises; a large one is judged beside the event loop.

        `charge` takes one call more of the sender's limit, for each `CALL_CPU_S` that it took.
        """
        if len(body) <= LARGE_BYTES:
            return judge()
        result, calls = await self.judging.run(judge)
        for _ in range(calls):
            await charge()
        if isinstance(result, Exception):
            raise result
        return result

    def part(
        self,
        kind: PartKind,
        request: Request,
        *,
        studio_id: str,
        game_id: str,
        item_count: int,
        body: bytes,
    ) -> TelemetryPart:
        """One request as the log keeps it."""
        place = self.place(request)
        return TelemetryPart(
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
