"""`/docs/guides/…` and the console at `/docs/console`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from api.docs_guides import GUIDES, guide
from api.docs_page import HEADERS, STYLE, page_of
from api.docs_start import console_body, guide_body

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MESSAGE_PACK: Final = "application/msgpack"


def guides_router(documents: Mapping[str, Callable[[], dict[str, Any]]]) -> APIRouter:
    """The guides, and the console over those operations of `documents` that take MessagePack."""
    router = APIRouter()

    @router.get("/guides/{name}")
    def one_guide(name: str) -> Response:
        if name not in GUIDES:
            raise HTTPException(404)
        one = guide(name)
        return HTMLResponse(page_of(f"questlog: {one.title}", STYLE, guide_body(one)), headers=HEADERS)

    @router.get("/console")
    def console() -> Response:
        body = console_body(*_packed_operations(documents))
        return HTMLResponse(page_of("questlog: console", STYLE, body), headers=HEADERS)

    return router


def packed_bodies(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The paths whose POST takes MessagePack, each with its media type object."""
    contents = {
        path: operations.get("post", {}).get("requestBody", {}).get("content", {})
        for path, operations in document["paths"].items()
    }
    return {path: content[_MESSAGE_PACK] for path, content in contents.items() if _MESSAGE_PACK in content}


def _packed_operations(
    documents: Mapping[str, Callable[[], dict[str, Any]]],
) -> tuple[list[str], dict[str, str]]:
    """The paths that take MessagePack, and the examples of their bodies as JSON. 404 where there is none."""
    paths: list[str] = []
    examples: dict[str, str] = {}
    for give in documents.values():
        for path, packed in packed_bodies(give()).items():
            paths.append(path)
            for name, example in packed["examples"].items():
                examples[name] = json.dumps(example["value"], indent=2)
    if not examples:
        raise HTTPException(404)
    return paths, examples
