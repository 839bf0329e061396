"""Telemetry: each room's part, joined. Its writes and reads are the gateway's and the api's own."""

from __future__ import annotations

from typing import Final

from deploy.noun import Noun
from schemas.telemetry.noun import NOUN
from streams.gateway import s1_routes, s4_routes

TELEMETRY: Final = Noun(
    schema=NOUN,
    documents={
        "s4": (s4_routes.DOCUMENT, s4_routes.ROUTES),
        "s1-ingest": (s1_routes.DOCUMENT, s1_routes.ROUTES),
    },
)
