"""What /docs shows: OpenAPI documents by short names, but for that of S1's reads, and analysts' views."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from api.dashboard import routes as dashboard
from api.mcp import document as mcp
from deploy.nouns import NOUNS, views
from projections.clickhouse.view_comments import described
from projections.clickhouse.views import read_views
from schemas.described_views import DescribedView
from schemas.edge.openapi import document
from schemas.studio.action_routes import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Callable


def documents() -> dict[str, dict[str, Any]]:
    """The documents, all made."""
    return {name: made() for name, made in lazy_documents().items()}


def lazy_documents() -> dict[str, Callable[[], dict[str, Any]]]:
    """What gives each document: made by the first call, which takes up to 0.1 s of CPU, and kept."""
    listed = {name: about for noun in NOUNS for name, about in noun.served().documents.items()}
    listed["mcp"] = (mcp.DOCUMENT, mcp.ROUTES)
    listed["dashboard"] = (dashboard.DOCUMENT, (*dashboard.ROUTES, *ACTIONS))
    return {
        name: functools.cache(functools.partial(document, about, routes))
        for name, (about, routes) in listed.items()
    }


def described_views() -> tuple[DescribedView, ...]:
    """The views of analysts, by name."""
    return tuple(sorted(map(described, read_views(views())), key=lambda view: view.name))
