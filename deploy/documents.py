"""OpenAPI documents of every surface but S1's reads, by the short names under which /docs shows them."""

from __future__ import annotations

from typing import Any

from deploy.nouns import NOUNS
from schemas.edge.openapi import document


def documents() -> dict[str, dict[str, Any]]:
    """The documents. Made anew by each call."""
    return {
        name: document(about, routes) for noun in NOUNS for name, (about, routes) in noun.documents.items()
    }
