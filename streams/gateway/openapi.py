"""OpenAPI 3.1 of the write surfaces, by the short names under which `/docs` shows them. Data, made once."""

from __future__ import annotations

from streams.gateway.openapi_parts import Json
from streams.gateway.openapi_s1 import s1_document
from streams.gateway.openapi_s4 import s4_document


def documents() -> dict[str, Json]:
    """The OpenAPI documents of the write side."""
    return {"s4": s4_document(), "s1-ingest": s1_document()}
