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
from fastapi.responses import FileResponse, HTMLResponse
from starlette.exceptions import HTTPException

from api.docs_definition import definition_router
from api.docs_guide_routes import guides_router, packed_bodies
from api.docs_page import HEADERS, STYLE, page_of
from api.docs_search import QUESTION_CHARACTERS_MAX, Search
from api.docs_start import found_body, start_body

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OWN: Final = Path(__file__).parent / "docs_static"
_OWN_FILES: Final = {
    "console.js": "text/javascript",
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


def docs_router(documents: Mapping[str, Callable[[], dict[str, Any]]]) -> APIRouter:
    """The start page, guides, the console, the definition file, and a Swagger UI for each named document.

    `documents` maps a short name, used in the path, to what gives the document. Its `info.title` and
    `info.description` are what the list shows. The routes are no coroutines: FastAPI runs them in threads, so
    that making a document holds up no other request.
    """
    router = APIRouter(prefix="/docs", include_in_schema=False)
    router.include_router(definition_router())
    router.include_router(guides_router(documents))
    folder = _folder()
    search = Search(documents)

    def document(name: str) -> dict[str, Any]:
        found = documents.get(name)
        if found is None:
            raise HTTPException(404)
        return found()

    @router.get("")
    def index(q: str = "") -> Response:
        if q.strip():
            body = found_body(q[:QUESTION_CHARACTERS_MAX], search.find(q))
            return HTMLResponse(page_of("questlog: search", STYLE, body), headers=HEADERS)
        body = start_body({name: give() for name, give in documents.items()})
        return HTMLResponse(page_of("questlog: documentation", STYLE, body), headers=HEADERS)

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
        title = html.escape(document(name)["info"]["title"])
        body = (
            '<div id="ui"></div>\n<script src="/docs/static/swagger-ui-bundle.js"></script>\n'
            f'<script src="/docs/{html.escape(name)}/start.js"></script>'
        )
        head = '<link rel="stylesheet" href="/docs/static/swagger-ui.css">'
        return HTMLResponse(page_of(title, head, body), headers=HEADERS)

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
