"""The answer to a path or query that can't be read: 400 in its surface's shape, before any routing."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

import msgspec

from schemas.edge.errors import error_body

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from schemas.edge.cors import Cors
    from schemas.edge.surfaces import Surfaces

DASHBOARD: Final = "/dashboard/"


async def refuse_target(
    scope: MutableMapping[str, Any],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    problem: str,
    *,
    surfaces: Surfaces,
    cors: Cors,
    now_ms: int,
) -> None:
    """Answer 400. A body is not read; `now_ms` is what S2's shape shows."""
    path: str = scope["path"]
    surface = surfaces.of(path)
    request_id = str(uuid.uuid4())
    body = msgspec.json.encode(
        error_body(
            surface,
            400,
            problem,
            code="bad_parameter" if path.startswith(DASHBOARD) else None,
            request_id=request_id,
            now_ms=now_ms,
            **surface.unreadable(problem),
        )
    )
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id.encode()),
    ]
    if surfaces.client_safe(path):
        headers += cors.expose(dict(scope["headers"]).get(b"origin"))
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})
