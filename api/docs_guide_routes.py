"""`/docs/guides/…`, `/docs/tables` and the console at `/docs/console`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException

from api.docs_guides import COMMANDS, GUIDES, guide
from api.docs_navigation import CONSOLE, TABLES
from api.docs_packed import packed_operations
from api.docs_start import console_body, guide_body, tables_body

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from api.docs_page import Frame
    from schemas.described_views import DescribedView


def guides_router(
    documents: Mapping[str, Callable[[], dict[str, Any]]], tables: Sequence[DescribedView], frame: Frame
) -> APIRouter:
    """The guides, analysts' tables, and the console over those of `documents` that take MessagePack."""
    router = APIRouter()

    @router.get("/guides/{name}")
    def one_guide(name: str) -> Response:
        if name not in {*GUIDES, COMMANDS}:
            raise HTTPException(404)
        one = guide(name)
        return frame.answer(f"questlog: {one.title}", guide_body(one), one.url)

    if tables:

        @router.get("/tables")
        def table_page() -> Response:
            return frame.answer("questlog: tables for analysts", tables_body(tables), TABLES)

    @router.get("/console")
    def console() -> Response:
        paths, examples = packed_operations(documents)
        if not examples:
            raise HTTPException(404)
        body = console_body(paths, examples)
        return frame.answer("questlog: console", body, CONSOLE)

    return router
