"""OpenAPI documents by the short names under which /docs shows them, but for that of S1's reads."""

from __future__ import annotations

from typing import Any

from api.dashboard import routes as dashboard
from api.mcp import document as mcp
from deploy.nouns import NOUNS
from schemas.edge.openapi import document
from schemas.studio.action_routes import ACTIONS


def documents() -> dict[str, dict[str, Any]]:
    """The documents. Made anew by each call."""
    listed = {name: about for noun in NOUNS for name, about in noun.served().documents.items()}
    listed["mcp"] = (mcp.DOCUMENT, mcp.ROUTES)
    listed["dashboard"] = (dashboard.DOCUMENT, (*dashboard.ROUTES, *ACTIONS))
    return {name: document(about, routes) for name, (about, routes) in listed.items()}
