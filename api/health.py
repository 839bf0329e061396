"""`/healthz`: this process answers. `/readyz`: how far each projection is behind the log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from fastapi import APIRouter, Response

from schemas.edge.limits import RETRY_AFTER_UNAVAILABLE_S
from schemas.edge.openapi import RETRY_AFTER
from schemas.edge.routes import Answer, Route, bind
from schemas.lag import FailingAt

if TYPE_CHECKING:
    from api.dashboard.ports import LagSource
    from schemas.lag import ProjectionLag


class Alive(msgspec.Struct, frozen=True):
    """What a process that answers says."""

    status: Literal["ok"] = "ok"


class Projection(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How far one projection is behind its log; null where nothing is known.

    `state` is `ready`, `behind`, `failing` or `down`.
    """

    name: str
    state: str
    lag_records: int | None
    lag_ms: int | None
    failing: tuple[FailingAt, ...] = ()
    """Records at which it has failed several times in a row although nothing is away."""


class Readiness(msgspec.Struct, frozen=True):
    """Whether every projection is ready, and each of them in a stable order."""

    ready: bool
    projections: list[Projection]


_READY: Final = Readiness(
    ready=True, projections=[Projection(name="redis:studio", state="ready", lag_records=0, lag_ms=0)]
)
_NOT_READY: Final = Readiness(
    ready=False,
    projections=[
        Projection(
            name="clickhouse:telemetry",
            state="failing",
            lag_records=1250,
            lag_ms=61_000,
            failing=(FailingAt(partition=0, offset=17, failures=3),),
        )
    ],
)


def _route(name: str, summary: str, description: str, *answers: Answer) -> Route:
    return Route(
        name=name,
        method="GET",
        template=f"/{name}",
        tag="Operation",
        summary=summary,
        description=description,
        keys=frozenset(),
        answers=answers,
    )


ROUTES: Final = (
    _route(
        "healthz",
        "Say that this process answers",
        "Asks no store.",
        Answer(kind=Alive, description="It does.", example=msgspec.to_builtins(Alive())),
    ),
    _route(
        "readyz",
        "Say how far each projection is behind the log",
        "In records and milliseconds. `failing` names records at which a projection has failed several times "
        "in a row although nothing is away: what is behind them waits until an operator acts.",
        Answer(kind=Readiness, description="Ready.", example=msgspec.to_builtins(_READY)),
        Answer(
            status=503,
            kind=Readiness,
            description="Not ready.",
            example=msgspec.to_builtins(_NOT_READY),
            headers=RETRY_AFTER,
        ),
    ),
)
"""Neither needs a key, and neither says anything of a tenant."""


def health_router(lag: LagSource) -> APIRouter:
    """Both routes."""

    async def healthz() -> Response:
        return _json(Alive())

    async def readyz() -> Response:
        projections = await lag.projections()
        ready = bool(projections) and all(projection.state == "ready" for projection in projections)
        body = Readiness(ready=ready, projections=[_lag(projection) for projection in projections])
        return _json(body) if ready else _json(body, 503, {"Retry-After": str(RETRY_AFTER_UNAVAILABLE_S)})

    handlers: dict[str, Callable[[], Awaitable[Response]]] = {"healthz": healthz, "readyz": readyz}
    router = APIRouter(include_in_schema=False)
    for route, handler in bind(ROUTES, handlers).items():
        router.add_api_route(route.template, handler, methods=[route.method], name=route.name)
    return router


def _lag(projection: ProjectionLag) -> Projection:
    seconds = projection.lag_seconds
    return Projection(
        name=projection.name,
        state=projection.state,
        lag_records=projection.lag_records,
        lag_ms=None if seconds is None else round(seconds * 1000),
        failing=projection.failing,
    )


def _json(body: msgspec.Struct, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )
