"""The studio's dashboard: its pages, their JSON, and the cookie session that guards both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request

from api.dashboard.access import SessionAuthenticator
from api.dashboard.data import Data
from api.dashboard.days import DaysData
from api.dashboard.dictionary import DictionaryData
from api.dashboard.drill import DrillData
from api.dashboard.feedback import FeedbackData
from api.dashboard.fleet import FleetData
from api.dashboard.funnel import FunnelData
from api.dashboard.liveops import LiveopsData
from api.dashboard.management import ManagementData, SessionGate
from api.dashboard.pages import Pages
from api.dashboard.playtests import PlaytestsData
from api.dashboard.ports import (
    DashboardDirectory,
    FleetSource,
    LagSource,
    LiveMinute,
    LiveopsSource,
    LiveSource,
    PlaytestsSource,
)
from api.dashboard.rates import Rates
from api.dashboard.session import Cookie, SessionSigner
from api.dashboard.static_files import StaticFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from api.telemetry.sections import Section
    from projections.telemetry.queries.dashboard_common import QueryClient
    from schemas.edge.ports import EndedSessions, RateLimiter
    from schemas.edge.session_keys import SessionKeys

__all__ = [
    "DashboardDirectory",
    "FleetSource",
    "LagSource",
    "LiveMinute",
    "LiveSource",
    "LiveopsSource",
    "PlaytestsSource",
    "create_dashboard",
]


def create_dashboard(
    sections: Sequence[Section],
    *,
    directory: DashboardDirectory,
    limiter: RateLimiter,
    queries: QueryClient,
    live: LiveSource,
    liveops: LiveopsSource,
    playtests: PlaytestsSource,
    playtest_keys: SessionKeys,
    fleet: FleetSource,
    fleet_keys: SessionKeys,
    ended: EndedSessions,
    lag: LagSource,
    secret: bytes,
    vendor: Path | None,
    clock_ms: Callable[[], int],
    client_ip: Callable[[Request], str],
    secure_cookie: bool,
    media_origins: Sequence[str] = (),
) -> APIRouter:
    """The router for `/dashboard` and everything under it; include it without a prefix.

    `sections` are S1's reads, those of telemetry among them. `secret` is the deployment's (only a key derived
    from it signs sessions); `vendor` is the folder that `python -m deploy.assets` filled (None or empty:
    charts show as tables); `clock_ms` gives unix milliseconds; `client_ip` names the caller behind
    trusted proxies; `secure_cookie` is True where the base URL is https. `ended` remembers sessions that were
    signed out, and `playtest_keys` and `fleet_keys` ask the same. `media_origins` are where signed addresses
    of recordings lead to, beside the page's own.
    """
    authenticator = SessionAuthenticator(
        directory, SessionSigner(secret), ended, clock_ms, Cookie(secure=secure_cookie)
    )
    rates = Rates(limiter, client_ip)
    router = APIRouter()
    router.include_router(Data(authenticator, rates, queries, live, lag).router())
    router.include_router(LiveopsData(authenticator, rates, liveops).router())
    router.include_router(PlaytestsData(authenticator, rates, playtests, playtest_keys).router())
    router.include_router(FunnelData(authenticator, rates, queries).router())
    router.include_router(DaysData(authenticator, rates, queries).router())
    router.include_router(DrillData(authenticator, rates, queries).router())
    router.include_router(FeedbackData(authenticator, rates, queries).router())
    router.include_router(DictionaryData(authenticator, rates, queries).router())
    gate = SessionGate(authenticator, limiter, client_ip)
    router.include_router(ManagementData(authenticator, rates, gate, sections).router())
    router.include_router(FleetData(authenticator, rates, fleet, fleet_keys).router())
    pages = Pages(
        authenticator,
        limiter,
        StaticFiles(vendor),
        client_ip,
        media_origins=media_origins,
    )
    router.include_router(pages.router())
    return router
