"""`/dashboard/data/fleet/*`: game servers for sessions of a management key, and the key that they act with.

Servers, builds and metrics are S5's, in its shapes. Nothing is written here: the page starts and stops by
S5's own routes, with the key that `key` gives it for minutes (`schemas.edge.session_keys`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
from fastapi import APIRouter, Request

from api.dashboard.access import Principal, SessionAuthenticator
from api.dashboard.fleet_answers import HostFigures, HostPanel, LogTail, ServerStates, TailLine
from api.dashboard.parameters import BadParameter, read_number, read_text
from api.dashboard.rates import Rates
from api.dashboard.responses import NotFound
from api.dashboard.routes_fleet import FLEET, PAGE_MAX, SHOWN
from api.dashboard.studio_data import StudioData
from projections.fleet.queries.logs import TOKEN_CHARACTERS, place_of
from schemas.edge.errors import Refused
from schemas.fleet.host_views import Host
from schemas.fleet.route_parts import PERIODS
from schemas.fleet.sizes import COMPUTE_SIZES, REGIONS

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from api.dashboard.ports import FleetSource
    from api.dashboard.responses import Answer
    from projections.fleet.queries.logs import LogPlace
    from schemas.edge.session_keys import SessionKeys

STUDIO_KEY_ONLY: Final = (
    "Game servers cost the studio money: sign in with a management key to see them and start some."
)
TAIL_LINES: Final = 200
"""Of one answer."""
_STEPS: Final = {"5m": "15s", "15m": "15s", "1h": "60s", "6h": "300s", "24h": "300s"}
_SERVING: Final = frozenset({"up", "draining", "suspected"})
FoundT = TypeVar("FoundT")


class FleetData:
    """The endpoints. All need the session cookie of a management key and hold only its studio's rows."""

    def __init__(
        self,
        authenticator: SessionAuthenticator,
        rates: Rates,
        source: FleetSource,
        session_keys: SessionKeys,
    ) -> None:
        self._session = StudioData(authenticator, rates, session_keys, otherwise=STUDIO_KEY_ONLY)
        self._source = source

    def router(self) -> APIRouter:
        """The routes under /dashboard/data/fleet."""
        handlers: dict[str, Answer] = {
            "fleet_states": self.states,
            "fleet_servers": self.servers,
            "fleet_metrics": self.metrics,
            "fleet_logs": self.logs,
            "fleet_builds": self.builds,
            "fleet_build_logs": self.build_logs,
            "fleet_hosts": self.hosts,
            "fleet_key": self.key,
        }
        return self._session.router(FLEET, handlers)

    async def states(self, request: Request, principal: Principal) -> bytes:
        """How many servers of the game are in which state."""
        game = await self._session.game(request, principal)
        counted, with_pool = {}, {}
        for status in ("running", "launching", "stopped"):
            counted[status] = await self._source.count(game, status, pool=False)
            with_pool[status] = await self._source.count(game, status, pool=True)
        pool = sum(with_pool[status] - counted[status] for status in ("running", "launching"))
        states = ServerStates(
            running=counted["running"],
            launching=counted["launching"],
            pool=pool,
            stopped=with_pool["stopped"],
        )
        return msgspec.json.encode(states)

    async def servers(self, request: Request, principal: Principal) -> bytes:
        """A page of the game's servers."""
        game = await self._session.game(request, principal)
        show = _choice(request, "show", SHOWN)
        page = _page(request)
        return msgspec.json.encode(await self._source.servers(game, stopped=show == "stopped", page=page))

    async def metrics(self, request: Request, principal: Principal) -> bytes:
        """What a server used."""
        game = await self._session.game(request, principal)
        period = _choice(request, "period", tuple(PERIODS))
        found = self._source.metrics(game, _text(request, "server"), period, _STEPS[period])
        return msgspec.json.encode(await _found(found))

    async def logs(self, request: Request, principal: Principal) -> bytes:
        """What a server printed."""
        game = await self._session.game(request, principal)
        after = _after(request)
        lines = await _found(self._source.log_tail(game, _text(request, "server"), after, TAIL_LINES))
        last = lines[-1].place if lines else after
        tail = LogTail(
            lines=[TailLine(at=line.place.at_ms, level=line.level, message=line.message) for line in lines],
            after=None if last is None else last.token,
        )
        return msgspec.json.encode(tail)

    async def builds(self, request: Request, principal: Principal) -> bytes:
        """A page of the game's builds."""
        game = await self._session.game(request, principal)
        return msgspec.json.encode(await self._source.builds(game, page=_page(request)))

    async def build_logs(self, request: Request, principal: Principal) -> bytes:
        """What was said of a build's processing."""
        game = await self._session.game(request, principal)
        return msgspec.json.encode(await _found(self._source.build_logs(game, _text(request, "build"))))

    async def hosts(self, _: Request, principal: Principal) -> bytes:
        """The deployment's hosts: those that serve first."""
        self._session.studio(principal)
        hosts = sorted(await self._source.hosts(), key=lambda host: (host.status not in _SERVING, host.id))
        served = {region for host in hosts if host.status == "up" for region in host.capacity.regions}
        panel = HostPanel(
            hosts=[_host(host) for host in hosts],
            regions=[region for region in REGIONS if region in served],
            sizes=list(COMPUTE_SIZES),
        )
        return msgspec.json.encode(panel)

    async def key(self, request: Request, principal: Principal) -> bytes:
        """A key of S5 with a server key's authority over the game, for five minutes and this session."""
        game = await self._session.game(request, principal)
        return self._session.key(request, principal, game)


def _host(host: Host) -> HostFigures:
    return HostFigures(
        id=host.id,
        status=host.status,
        isolation=host.capacity.isolation,
        regions=host.capacity.regions,
        servers=host.servers,
        memory_mb=host.capacity.memory_mb,
        memory_used_mb=host.memory_used_mb,
        overcommit=host.capacity.overcommit,
        cpu_millis=host.capacity.cpu_millis,
        cpu_reserved_millis=host.cpu_reserved_millis,
        seen_at=host.seen_at_ms,
    )


def _page(request: Request) -> int:
    return read_number(request.query_params, "page", default=1, highest=PAGE_MAX)


def _text(request: Request, name: str) -> str:
    return read_text(request.query_params, name)


def _choice(request: Request, name: str, choices: tuple[str, ...]) -> str:
    """One of these; the first where it is missing. Raises BadParameter."""
    value = request.query_params.get(name, choices[0])
    if value not in choices:
        raise BadParameter(name, f"is one of {', '.join(choices)}")
    return value


def _after(request: Request) -> LogPlace | None:
    if "after" not in request.query_params:
        return None
    place = place_of(read_text(request.query_params, "after", TOKEN_CHARACTERS))
    if place is None:
        raise BadParameter("after", "is none that an answer had")
    return place


async def _found(asked: Awaitable[FoundT]) -> FoundT:
    """What S5's handlers find, their refusals as this page's."""
    try:
        return await asked
    except Refused as refused:
        raise NotFound("No such server or build, or not one of this game's.") from refused
