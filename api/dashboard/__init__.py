"""The studio's dashboard: one page, its JSON, and the cookie session that guards both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request

from api.dashboard.access import SessionAuthenticator
from api.dashboard.data import Data
from api.dashboard.liveops import LiveopsData
from api.dashboard.pages import Pages
from api.dashboard.ports import (
    DashboardDirectory,
    LagSource,
    LiveMinute,
    LiveopsSource,
    LiveSource,
)
from api.dashboard.rates import Rates
from api.dashboard.session import SessionSigner
from api.dashboard.static_files import StaticFiles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from projections.telemetry.queries.dashboard_common import QueryClient
    from schemas.edge.ports import RateLimiter

__all__ = [
    "DashboardDirectory",
    "LagSource",
    "LiveMinute",
    "LiveSource",
    "LiveopsSource",
    "create_dashboard",
]


def create_dashboard(
    *,
    directory: DashboardDirectory,
    limiter: RateLimiter,
    queries: QueryClient,
    live: LiveSource,
    liveops: LiveopsSource,
    lag: LagSource,
    secret: bytes,
    vendor: Path | None,
    clock_ms: Callable[[], int],
    client_ip: Callable[[Request], str],
    secure_cookie: bool,
) -> APIRouter:
    """The router for `/dashboard` and everything under it; include it without a prefix.

    `secret` is the deployment's (only a key derived from it signs sessions); `vendor` is the folder
    that `python -m deploy.assets` filled (None or empty: charts show as tables); `clock_ms` gives unix
    milliseconds; `client_ip` names the caller behind trusted proxies; `secure_cookie` is True where the base
    URL is https.
    """
    authenticator = SessionAuthenticator(directory, SessionSigner(secret), clock_ms)
    rates = Rates(limiter, client_ip)
    router = APIRouter()
    router.include_router(Data(authenticator, rates, queries, live, lag).router())
    router.include_router(LiveopsData(authenticator, rates, liveops).router())
    pages = Pages(authenticator, limiter, StaticFiles(vendor), client_ip, secure_cookie=secure_cookie)
    router.include_router(pages.router())
    return router
