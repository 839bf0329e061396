"""`/healthz`: this process answers. `/readyz`: how far each projection is behind the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import APIRouter, Response

from schemas.edge.limits import RETRY_AFTER_UNAVAILABLE_S

if TYPE_CHECKING:
    from api.dashboard.ports import LagSource, ProjectionLag

_EXAMPLE: dict[str, Any] = {
    "ready": True,
    "projections": [{"name": "redis:studio", "state": "ready", "lagRecords": 0, "lagMs": 0}],
}
_NOT_READY: dict[str, Any] = {
    "ready": False,
    "projections": [
        {
            "name": "clickhouse:telemetry",
            "state": "failing",
            "lagRecords": 1250,
            "lagMs": 61_000,
            "failing": [{"partition": 0, "offset": 17, "failures": 3}],
        }
    ],
}


def health_router(lag: LagSource) -> APIRouter:
    """Both routes. Neither needs a key, and neither says anything of a tenant."""
    router = APIRouter(tags=["Operation"])

    @router.get("/healthz", responses={200: _described("It does.", {"status": "ok"})})
    async def healthz() -> Response:
        """Say that this process answers."""
        return _json({"status": "ok"})

    @router.get(
        "/readyz",
        responses={
            200: _described("Ready.", _EXAMPLE),
            503: _described("Not ready.", _NOT_READY),
        },
    )
    async def readyz() -> Response:
        """Say how far each projection is behind the log, in records and milliseconds.

        `failing` names records at which a projection has failed several times in a row although nothing is
        away: what is behind them waits until an operator acts.
        """
        projections = await lag.projections()
        ready = bool(projections) and all(projection.state == "ready" for projection in projections)
        body = {"ready": ready, "projections": [_lag(projection) for projection in projections]}
        return _json(body) if ready else _json(body, 503, {"Retry-After": str(RETRY_AFTER_UNAVAILABLE_S)})

    return router


def _lag(projection: ProjectionLag) -> dict[str, Any]:
    seconds = projection.lag_seconds
    return {
        "name": projection.name,
        "state": projection.state,
        "lagRecords": projection.lag_records,
        "lagMs": None if seconds is None else round(seconds * 1000),
        **({"failing": msgspec.to_builtins(projection.failing)} if projection.failing else {}),
    }


def _json(body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def _described(description: str, example: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"type": "object"}, "example": example}},
    }
