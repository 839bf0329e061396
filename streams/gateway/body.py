"""Reads a request's body within a size and a time, and undoes gzip under a cap.

Source: contract/telemetry.md (limits count after decompression) and contract/common.md (a body over the
limit is 413, stopped while reading). A body that has not arrived in time, however slowly it comes, is 408.
"""

from __future__ import annotations

import asyncio
import zlib
from typing import Final

from schemas.edge.errors import Refused
from schemas.edge.limits import BODY_READ_TIMEOUT_S
from streams.gateway.http import ClientGone, Receive, Request
from streams.gateway.memory_quotas import Reservation

LINGER_BYTES_MAX: Final = 64 * 1024 * 1024
LINGER_S: Final = 5.0
MEMBERS_MAX: Final = 1000
"""Concatenated gzip members in one body: each costs a decompressor."""
_PIECE_BYTES: Final = 1024
_SWEEP_S: Final = 1.0
_GZIP: Final = 16 + zlib.MAX_WBITS


class ReadDeadlines:
    """Ends reads that take too long. One timer for all of them: a timer for each costs more than the read."""

    def __init__(self, limit_s: float = BODY_READ_TIMEOUT_S) -> None:
        self._limit_s = limit_s
        self._reading: dict[asyncio.Task[object], float] = {}
        self._expired: set[asyncio.Task[object]] = set()
        self._sweeping = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self) -> asyncio.Task[object]:
        """Put the current task under the limit; `end` lifts it."""
        loop = self._loop
        if loop is None:  # asked once: CPython 3.11 makes a system call of it
            loop = self._loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None  # noqa: S101 - ASGI applications are awaited in tasks
        self._reading[task] = loop.time() + self._limit_s
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(min(_SWEEP_S, self._limit_s), self._sweep)
        return task

    def end(self, task: asyncio.Task[object]) -> None:
        """Lift the limit; no cancellation of ours can come after this."""
        self._reading.pop(task, None)

    def expired(self, task: asyncio.Task[object]) -> bool:
        """Whether a cancellation that the task just met was this limit's; then it is taken back."""
        if task not in self._expired:
            return False
        self._expired.discard(task)
        task.uncancel()
        return True

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for task in [task for task, deadline in self._reading.items() if deadline <= now]:
            del self._reading[task]
            self._expired.add(task)
            task.cancel()
        self._sweeping = bool(self._reading)
        if self._sweeping:
            loop.call_later(min(_SWEEP_S, self._limit_s), self._sweep)


async def read_body(
    request: Request, limit: int, deadlines: ReadDeadlines, reservation: Reservation
) -> bytes:
    """The whole body, gunzipped where it says so.

    Raises `Refused`: 413 as soon as the limit is passed, 408 when it takes too long, 415 for another content
    encoding, 400 for broken gzip, 503 where too much is in flight; `ClientGone` when the client hangs up.
    """
    announced = request.content_length
    if announced is not None and announced > limit:
        raise _too_large(limit)
    encoding = request.headers.get(b"content-encoding")
    inflate = encoding is not None and _is_gzip(request, encoding)
    task = deadlines.begin()
    try:
        body = await _receive_all(request, limit, reservation)
    except asyncio.CancelledError:
        if deadlines.expired(task):
            raise Refused(408, "the body did not arrive in time") from None
        raise
    finally:
        deadlines.end(task)
    if not inflate:
        return body
    inflated = gunzip(body, limit)
    reservation.take_whole(len(inflated))
    return inflated


async def _receive_all(request: Request, limit: int, reservation: Reservation) -> bytes:
    receive = request.receive
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        request.body_read = True
        if len(body) > limit:
            raise _too_large(limit)
        reservation.take_whole(len(body))
        return body
    chunks, size = [body], len(body)
    reservation.take(size)
    while message.get("more_body", False):
        if size > limit:
            raise _too_large(limit)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        reservation.take(len(chunk))
        chunks.append(chunk)
        size += len(chunk)
    request.body_read = True
    if size > limit:
        raise _too_large(limit)
    return b"".join(chunks)


def _too_large(limit: int) -> Refused:
    return Refused(413, f"the body may be at most {limit} bytes")


def _is_gzip(request: Request, encoding: bytes) -> bool:
    encoding = encoding.strip().lower()
    if request.repeated(b"content-encoding") or encoding not in (b"gzip", b"x-gzip", b"identity", b""):
        raise Refused(415, "the content encoding must be gzip or none")
    return encoding in (b"gzip", b"x-gzip")


def gunzip(body: bytes, limit: int) -> bytes:
    """Decompress (several members too), never holding more than `limit` + 1 bytes. Raises `Refused`."""
    result = bytearray()
    view = memoryview(body)
    place = members = 0
    while place < len(view):
        members += 1
        if members > MEMBERS_MAX:
            raise Refused(400, f"the gzip body has more than {MEMBERS_MAX} members")
        place = _inflate_member(view, place, result, limit)
    return bytes(result)


def _inflate_member(view: memoryview, place: int, into: bytearray, limit: int) -> int:
    """Inflate the member that begins at a place; where it ends.

    It is given in growing pieces, because the decompressor copies what lies behind the member's end.
    """
    inflater = zlib.decompressobj(_GZIP)
    size = _PIECE_BYTES
    while not inflater.eof:
        piece = view[place : place + size]
        if not piece:
            raise Refused(400, "the gzip body is cut off")
        try:
            into += inflater.decompress(piece, limit + 1 - len(into))
        except zlib.error:
            raise Refused(400, "the body is not valid gzip") from None
        if len(into) > limit:
            raise _too_large(limit)
        place += len(piece)
        size *= 2
    return place - len(inflater.unused_data)


async def linger(receive: Receive) -> None:
    """Take in what a client still sends after its refusal, within bounds, so that it gets to read the answer.

    Closing at once would reset the connection and take the answer with it.
    """
    taken = 0
    try:
        async with asyncio.timeout(LINGER_S):
            while taken <= LINGER_BYTES_MAX:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
                taken += len(message.get("body", b""))
    except TimeoutError:
        return
