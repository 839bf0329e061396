"""OpenAPI documents of every surface but S1's reads, by the short names under which /docs shows them."""

from __future__ import annotations

from typing import Any

from api.liveops import routes as read_routes
from schemas.edge.openapi import document
from schemas.liveops import surface
from streams.gateway import s1_routes, s4_routes
from streams.gateway.liveops import routes as write_routes


def documents() -> dict[str, dict[str, Any]]:
    """The documents. Made anew by each call."""
    return {
        "s3": document(surface.DOCUMENT, (*read_routes.ROUTES, *write_routes.ROUTES)),
        "s4": document(s4_routes.DOCUMENT, s4_routes.ROUTES),
        "s1-ingest": document(s1_routes.DOCUMENT, s1_routes.ROUTES),
    }
