"""Objects in a store, and requests to the process that serves them by signed addresses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from deploy.objects import FolderObjects
from deploy.objects_app import ObjectsApp
from deploy.objects_s3 import S3Objects
from schemas.edge.cors import Cors
from schemas.edge.limits import UPLOADS_IN_FLIGHT_BYTES
from schemas.edge.proxy import TrustedProxies
from schemas.objects import new_object
from streams.gateway.memory_quotas import BodiesInFlight

if TYPE_CHECKING:
    from collections.abc import Callable

NOW_MS = 1_800_000_000_000


Store = FolderObjects | S3Objects


async def put(store: Store, key: str, content: bytes) -> None:
    async with new_object(store, key) as writer:
        await writer.write(content)


Answer = tuple[int, dict[bytes, bytes], bytes]


def app_of(
    store: Store,
    clock: Callable[[], int] = lambda: NOW_MS,
    idle_s: float = 0.05,
    uploads: BodiesInFlight | None = None,
) -> ObjectsApp:
    return ObjectsApp(
        store,
        store.urls,
        clock,
        Cors(),
        uploads=uploads or BodiesInFlight(UPLOADS_IN_FLIGHT_BYTES),
        proxies=TrustedProxies(),
        idle_s=idle_s,
    )


async def ask(
    app: ObjectsApp,
    url: str,
    method: str = "GET",
    *,
    body: tuple[bytes, ...] = (),
    ends: str = "whole",
    together: asyncio.Barrier | None = None,
    pause_s: float = 0,
    ip: str = "192.0.2.1",
    **headers: str,
) -> Answer | None:
    """One request; its body ends `whole`, by the client's hanging up (`gone`) or not at all (`idle`).

    A whole one ends at the same time as all that share the barrier.
    """
    parts = urlsplit(url)
    sent: list[dict[str, object]] = []
    waiting = iter(body)

    async def receive() -> dict[str, object]:
        for piece in waiting:
            await asyncio.sleep(pause_s)
            return {"type": "http.request", "body": piece, "more_body": True}
        if ends == "gone":
            return {"type": "http.disconnect"}
        if ends == "idle":
            await asyncio.Event().wait()
        if together is not None:
            await together.wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    query = parts.query.encode()
    scope = {
        "type": "http",
        "method": method,
        "path": parts.path,
        "query_string": query,
        "headers": named,
        "client": (ip, 1),
    }
    await app(scope, receive, send)
    if not sent:
        return None
    status, shown = sent[0]["status"], sent[0]["headers"]
    assert isinstance(status, int)
    assert isinstance(shown, list)
    return status, dict(shown), b"".join(bytes(one["body"]) for one in sent[1:])  # type: ignore[call-overload]  # ASGI's


async def get(app: ObjectsApp, url: str, method: str = "GET") -> tuple[int, bytes]:
    answer = await ask(app, url, method)
    assert answer is not None
    return answer[0], answer[2]


async def status_of_put(
    app: ObjectsApp,
    url: str,
    *body: bytes,
    ends: str = "whole",
    together: asyncio.Barrier | None = None,
    pause_s: float = 0,
    ip: str = "192.0.2.1",
    **headers: str,
) -> int | None:
    answer = await ask(
        app, url, "PUT", body=body, ends=ends, together=together, pause_s=pause_s, ip=ip, **headers
    )
    return None if answer is None else answer[0]
