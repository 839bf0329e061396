"""OpenAPI documents of every surface but S1's reads, by the short names under which /docs shows them."""

from __future__ import annotations

from typing import Any

from schemas.edge.openapi import document
from streams.gateway import s1_routes, s4_routes


def documents() -> dict[str, dict[str, Any]]:
    """The documents. Made anew by each call."""
    return {
        "s4": document(s4_routes.DOCUMENT, s4_routes.ROUTES),
        "s1-ingest": document(s1_routes.DOCUMENT, s1_routes.ROUTES),
    }
