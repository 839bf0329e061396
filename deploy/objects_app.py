"""The edge's `/objects/`: answers signed addresses, the one object that each names, and public objects."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from deploy.object_urls import URL_PATH, is_key
from schemas.edge.errors import Refused
from schemas.edge.limits import UPLOAD_BYTES_PER_SECOND_MIN
from schemas.edge.proxy import TrustedProxies, counted_address
from schemas.objects import PUBLIC_FOLDER, ObjectExists, ObjectStoreError, content_type_of, new_object
from streams.gateway.memory_quotas import BodiesInFlight, Reservation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deploy.object_urls import SignedUrls
    from schemas.edge.cors import Cors
    from schemas.objects import ObjectStore

PIECE_BYTES: Final = 256 * 1024
IDLE_SECONDS: Final = 30.0
"""How long an upload may send nothing."""
UPLOAD_SECONDS: Final = 6 * 3600.0
"""20 GiB at 1 MB/s."""
_NUMBER: Final = re.compile(r"[0-9]{1,15}\Z")
_RANGE: Final = re.compile(rb"bytes=([0-9]{0,18})-([0-9]{0,18})\Z")
_RETRY: Final = ((b"retry-after", b"5"),)
_PRIVATE: Final = (b"cache-control", b"private, no-store")
_PUBLIC: Final = (b"cache-control", b"public, max-age=3600")

Header = tuple[bytes, bytes]


class _Stopped(Exception):
    """An upload that is not to be kept, and the status that says why; None where the client is gone."""

    def __init__(self, status: int | None) -> None:
        super().__init__(status)
        self.status = status


class ObjectsApp:
    """GET and HEAD: 200, 206, 416; 404 for what is not public nor signed. PUT: 201, once for each address.

    PUT answers 403 for what no signature allows, 409 where the object exists, 413 beyond the signed size, 408
    for a sender that stops or is too slow, 503 without space or where this process, or the sender's address,
    has as many uploads as it may. What it did not answer 201 is not kept. Of several uploads at
    the same time to one address one is kept, whole, and the others are 409; on S3 more than one may be 201
    where they end at the same moment, and the last of them is kept.
    """

    def __init__(
        self,
        objects: ObjectStore,
        urls: SignedUrls,
        now_ms: Callable[[], int],
        cors: Cors,
        *,
        uploads: BodiesInFlight | None,
        proxies: TrustedProxies,
        idle_s: float = IDLE_SECONDS,
    ) -> None:
        """`uploads` counts what they hold of the process's memory; None where it takes none."""
        self._objects = objects
        self._urls = urls
        self._now_ms = now_ms
        self._cors = cors
        self._uploads = uploads
        self._proxies = proxies
        self._idle_s = idle_s

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request. Memory does not grow with the object."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        shown = self._cors.expose(headers.get(b"origin"))
        method = scope["method"]
        if method == "OPTIONS":
            await _answer(send, 204, self._cors.preflight(headers.get(b"origin")))
        elif method == "PUT" and self._uploads is not None:
            status = await self._put(scope, headers, receive, self._uploads)
            if status is not None:
                await _answer(send, status, shown + (_RETRY if status == 503 else ()))
        else:
            try:
                await self._get(scope, headers, send, shown)
            except ObjectStoreError:
                await _answer(send, 503, shown + _RETRY)

    async def _get(
        self, scope: Any, headers: dict[bytes, bytes], send: Any, shown: tuple[Header, ...]
    ) -> None:
        key = self._allowed(scope, None) if scope["method"] in {"GET", "HEAD"} else None
        size = None if key is None else await self._objects.size(key)
        if key is None or size is None:
            await _answer(send, 404, shown)
            return
        asked = None if b"if-range" in headers else headers.get(b"range")
        span = _span(asked, size) if scope["method"] == "GET" else None
        if span is not None and span[0] >= span[1]:
            await _answer(send, 416, (*shown, (b"content-range", b"bytes */%d" % size)))
            return
        start, end = span or (0, size)
        head = (
            *shown,
            (b"content-type", content_type_of(key).encode()),
            _PUBLIC if key.startswith(PUBLIC_FOLDER) else _PRIVATE,
            (b"content-disposition", b"attachment"),
            (b"accept-ranges", b"bytes"),
            *(((b"content-range", b"bytes %d-%d/%d" % (start, end - 1, size)),) if span else ()),
        )
        pieces = self._objects.stream(key, start, end) if scope["method"] == "GET" else _nothing()
        first = await anext(pieces, b"")  # before the head: an object that is gone is no 200
        await _begin(send, 206 if span else 200, head, end - start)
        await send({"type": "http.response.body", "body": first, "more_body": True})
        async for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _put(
        self, scope: Any, headers: dict[bytes, bytes], receive: Any, uploads: BodiesInFlight
    ) -> int | None:
        try:
            async with asyncio.timeout(UPLOAD_SECONDS):
                await self._store(scope, headers, receive, uploads)
        except _Stopped as stopped:
            return stopped.status
        except TimeoutError:
            return 408
        except ObjectExists:
            return 409
        except ObjectStoreError:
            return 503
        return 201

    async def _store(
        self, scope: Any, headers: dict[bytes, bytes], receive: Any, uploads: BodiesInFlight
    ) -> None:
        found = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("bytes_max", "")
        bytes_max = int(found) if _NUMBER.match(found) else -1
        key = self._allowed(scope, bytes_max)
        if key is None:
            raise _Stopped(403)
        if int(headers.get(b"content-length", b"0")) > bytes_max:
            raise _Stopped(413)
        await self._check_new(key)
        client = scope.get("client")
        ip = self._proxies.source_ip(client[0] if client else "", scope["headers"])
        with _held(Reservation(uploads, key, counted_address(ip)), self._objects.writer_bytes):
            async with new_object(self._objects, key, new=True) as writer:
                async for piece in self._body(receive, bytes_max):
                    await writer.write(piece)

    async def _check_new(self, key: str) -> None:
        if await self._objects.size(key) is not None:
            raise _Stopped(409)

    async def _body(self, receive: Any, bytes_max: int) -> AsyncIterator[bytes]:
        """The body in pieces of some size. Raises _Stopped."""
        held = bytearray()
        size = 0
        waited_s = 0.0
        more = True
        loop = asyncio.get_running_loop()
        while more:
            asked_s = loop.time()
            left_s = self._idle_s + size / UPLOAD_BYTES_PER_SECOND_MIN - waited_s
            try:
                async with asyncio.timeout(min(self._idle_s, left_s)):
                    message = await receive()
            except TimeoutError:
                raise _Stopped(408) from None
            waited_s += loop.time() - asked_s
            if message["type"] == "http.disconnect":
                raise _Stopped(None)
            held += message.get("body", b"")
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
            if size > bytes_max:
                raise _Stopped(413)
            if len(held) >= PIECE_BYTES:
                yield bytes(held)
                held.clear()
        if held:
            yield bytes(held)

    def _allowed(self, scope: Any, bytes_max: int | None) -> str | None:
        key: str = scope["path"].removeprefix(URL_PATH)
        if bytes_max is None and key.startswith(PUBLIC_FOLDER):
            return key if is_key(key) else None
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        expires = query.get("expires", "")
        valid = _NUMBER.match(expires) is not None and self._urls.verify(
            key,
            expires_at_ms=int(expires),
            bytes_max=bytes_max,
            signature=query.get("signature", ""),
            now_ms=self._now_ms(),
        )
        return key if valid else None


@contextmanager
def _held(reservation: Reservation, size: int) -> Iterator[None]:
    """Memory for a while. Raises _Stopped (503)."""
    try:
        reservation.take(size)
    except Refused as refused:
        raise _Stopped(refused.status) from None
    try:
        yield
    finally:
        reservation.release()


def _span(asked: bytes | None, size: int) -> tuple[int, int] | None:
    """Where the asked range begins and ends; empty where nothing of it exists; None: all (RFC 9110, 14.2)."""
    match = None if asked is None else _RANGE.match(asked)
    if match is None or match[0] == b"bytes=-":
        return None
    first, last = match[1], match[2]
    if not first:
        return max(0, size - int(last)), size
    if last and int(last) < int(first):
        return None
    return int(first), min(size, int(last) + 1 if last else size)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


async def _answer(send: Any, status: int, headers: tuple[Header, ...]) -> None:
    await _begin(send, status, (_PRIVATE, *headers), None if status == 204 else 0)
    await send({"type": "http.response.body", "body": b""})


async def _begin(send: Any, status: int, headers: tuple[Header, ...], size: int | None) -> None:
    length = () if size is None else ((b"content-length", b"%d" % size),)
    always = (b"x-content-type-options", b"nosniff")
    await send({"type": "http.response.start", "status": status, "headers": [*length, always, *headers]})
