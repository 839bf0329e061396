"""`/docs`: a start page with a search over all, guides, and each surface's interactive documentation.

Nothing comes from another host. Swagger UI's files are those that the PyPI package `fastapi-offline` carries;
only its folder is used.
"""

from __future__ import annotations

import html
import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException

from api.docs_definition import definition_router
from api.docs_guide_routes import guides_router
from api.docs_navigation import START
from api.docs_packed import packed_bodies
from api.docs_page import Frame
from api.docs_search import QUESTION_CHARACTERS_MAX, Search
from api.docs_start import found_body, start_body

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from schemas.described_views import DescribedView

_OWN: Final = Path(__file__).parent / "docs_static"
_OWN_FILES: Final = {
    "console.js": "text/javascript",
    "docs.js": "text/javascript",
    "msgpack.min.js": "text/javascript",
    "msgpack.LICENSE.txt": "text/plain",
}
_FILES: Final = _OWN_FILES | {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}


# Swagger UI sends what is in its form, which is JSON: routes that take MessagePack have no "Try it out"
# there, and their descriptions lead to the console.
_START: Final = """const options = {options};
const packed = {packed};
const withoutPacked = () => ({{ statePlugins: {{ spec: {{ wrapSelectors: {{
  allowTryItOutFor: () => (state, path) => !packed.includes(path),
}} }} }} }});
SwaggerUIBundle({{ ...options, plugins: [withoutPacked] }});
"""


def docs_router(
    documents: Mapping[str, Callable[[], dict[str, Any]]], tables: Sequence[DescribedView] = ()
) -> APIRouter:
    """The start page, guides, the console, the reference, and a Swagger UI for each named document.

    `documents` maps a short name, used in the path, to what gives the document. Its `info.title` and
    `info.description` are what the list shows. `tables` are analysts' views. The routes are no coroutines:
    FastAPI runs them in threads, so that making a document holds up no other request.
    """
    router = APIRouter(prefix="/docs", include_in_schema=False)
    frame = Frame(documents, has_tables=bool(tables))
    router.include_router(definition_router(frame))
    router.include_router(guides_router(documents, tables, frame))
    folder = _folder()
    search = Search(documents, tables)

    def document(name: str) -> dict[str, Any]:
        found = documents.get(name)
        if found is None:
            raise HTTPException(404)
        return found()

    @router.get("")
    def index(q: str = "") -> Response:
        if q.strip():
            asked = q[:QUESTION_CHARACTERS_MAX]
            body = found_body(asked, search.find(q), frame.pages)
            return frame.answer(f"questlog: {asked}", body, "", question=asked)
        body = start_body({name: give() for name, give in documents.items()}, frame.pages)
        return frame.answer("questlog: documentation", body, START)

    @router.get("/static/{file}")
    async def static(file: str) -> Response:
        if file not in _FILES:
            raise HTTPException(404)
        return FileResponse(
            (_OWN if file in _OWN_FILES else folder) / file,
            media_type=_FILES[file],
            headers={"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"},
        )

    @router.get("/{name}")
    def page(name: str) -> Response:
        title = document(name)["info"]["title"]
        body = (
            '<div id="ui"></div>\n<script src="/docs/static/swagger-ui-bundle.js"></script>\n'
            f'<script src="/docs/{html.escape(name)}/start.js"></script>'
        )
        head = '<link rel="stylesheet" href="/docs/static/swagger-ui.css">'
        return frame.answer(title, body, f"/docs/{name}", head=head, kind="swagger")

    @router.get("/{name}/start.js")
    def start(name: str) -> Response:
        options = {
            "url": f"/docs/{name}/openapi.json",
            "dom_id": "#ui",
            "deepLinking": True,
            "validatorUrl": None,
        }
        script = _START.format(
            options=json.dumps(options), packed=json.dumps(list(packed_bodies(document(name))))
        )
        return Response(script, media_type="text/javascript")

    @router.get("/{name}/openapi.json")
    def openapi(name: str) -> Response:
        return Response(msgspec.json.encode(document(name)), media_type="application/json")

    return router


def _folder() -> Path:
    spec = find_spec("fastapi_offline")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package fastapi-offline is not installed")
    return Path(spec.origin).parent / "static"
