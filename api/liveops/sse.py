"""`GET /sdk/v1/leaderboards/{leaderboardId}/stream`: one connection, as raw ASGI.

Join, then replay what came since `Last-Event-ID`, then forward: in this order nothing is missed and nothing
comes twice. Source: the S3 reference, "Subscribe to live score updates".
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from api.liveops.http import Call
from api.liveops.process_listeners import ProcessListeners
from api.liveops.stream_quotas import Crowded, Share, Shares
from api.liveops.subscriber import Listener, closed_text
from api.liveops.subscriptions import BoardListeners, Full
from schemas.edge.cors import RawHeaders
from schemas.edge.errors import Refused
from schemas.edge.limits import RETRY_AFTER_UNAVAILABLE_S

if TYPE_CHECKING:
    from starlette.types import Receive, Send

    from schemas.liveops.ports import BoardRow

CONNECTION: Final = "questlog.connection"
"""An ASGI extension of deploy's server: `abort` ends a connection without waiting for its reader, and
`on_shutdown` takes what is to be called when the server begins to stop."""
HEADERS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"connection", b"close"),
)
RETRY_AFTER_CROWDED_S: Final = 10
AHEAD: Final = b": Last-Event-ID is ahead of this stream, which goes on from its end\n\n"
_EVENT_ID: Final = re.compile(r"\d{1,18}-\d{1,18}\Z")


class Subscription(msgspec.Struct, frozen=True):
    """Who listens to what."""

    board: BoardRow
    ends_at_ms: int | None
    """The end of the window of a board without players yet."""
    shares: tuple[Share, ...]
    """What the connection takes of this process's listeners."""
    presented: str = ""
    """The key, which must stay valid; empty where the caller looks after that."""


def last_event_id(call: Call) -> str | None:
    """Where the client wants to go on; None where it begins. Raises `Refused` (400) for what is no id.

    From the header, else from `lastEventId` in the query: polyfills that send keys put it there.
    """
    given = call.headers.get(b"last-event-id", b"").decode("latin-1").strip()
    given = given or call.query()["lastEventId"]
    if not given:
        return None
    if not (given.isascii() and _EVENT_ID.match(given)):
        raise Refused(400, "Last-Event-ID is none of this stream's ids", field="Last-Event-ID")
    return given


async def stream_head(call: Call, send: Send, headers: RawHeaders) -> None:
    """The answer to HEAD: a stream's status and headers, and no stream. Raises `Refused` (400)."""
    last_event_id(call)
    await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS, *headers]})
    await send({"type": "http.response.body", "body": b""})


class Streams:
    """Serves the connections of one process."""

    def __init__(self, listeners: ProcessListeners) -> None:
        self._listeners = listeners
        self._shares = Shares()

    async def serve(self, call: Call, subscription: Subscription, send: Send, headers: RawHeaders) -> None:
        """Serve one until the board closes, its key or the client goes, it is too slow, or the server stops.

        Raises `Refused` before anything was sent: 400 for the header, 429 where the game or the address has
        its share, 503 where this process is full.
        """
        after = last_event_id(call)
        try:
            self._shares.take(subscription.shares)
        except Crowded as crowded:
            wait = ((b"retry-after", b"%d" % RETRY_AFTER_CROWDED_S),)
            raise Refused(429, str(crowded), headers=wait, scope=crowded.share.scope) from None
        try:
            listeners = self._listeners.of(subscription.board.game_id)
            await _stream(call, subscription, listeners, send, headers=headers, after=after)
        finally:
            self._shares.give_back(subscription.shares)


async def _stream(
    call: Call,
    subscription: Subscription,
    listeners: BoardListeners,
    send: Send,
    *,
    headers: RawHeaders,
    after: str | None,
) -> None:
    board = subscription.board
    task = asyncio.current_task()
    extension: dict[str, Any] = (call.scope.get("extensions") or {}).get(CONNECTION, {})
    abort: Callable[[], object] = extension.get("abort") or (task.cancel if task is not None else bool)
    listener = Listener(abort, subscription.presented)
    try:
        begin, until = await listeners.join(board, listener, after, subscription.ends_at_ms)
    except Full:
        wait = ((b"retry-after", b"%d" % RETRY_AFTER_UNAVAILABLE_S),)
        raise Refused(503, "this server has as many listeners as it takes; try again", headers=wait) from None
    extension.get("on_shutdown", bool)(listener.end)
    leaving = asyncio.get_running_loop().create_task(_left(call.receive, listener))
    try:
        call.begun = True
        await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS, *headers]})
        ahead = after is not None and begin != after
        await _serve(board, listeners, listener, (begin, until), send, ahead=ahead)
    except asyncio.CancelledError:
        if not listener.dropped:
            raise
    finally:
        listeners.leave(board.id, listener)
        leaving.cancel()


async def _serve(
    board: BoardRow,
    listeners: BoardListeners,
    listener: Listener,
    replayed: tuple[str, str],
    send: Send,
    *,
    ahead: bool,
) -> None:
    begin, until = replayed
    finalized = board.finalized_at_ms is not None
    said: dict[str, Any] = {"leaderboardId": board.id, "finalized": finalized}
    if ahead:  # scripts see no comments
        said["resumed"] = False
    ready = b"id: %s\nevent: ready\ndata: %s\n\n" % (begin.encode(), msgspec.json.encode(said))
    await _write(send, AHEAD + ready if ahead else ready)
    at, closed = begin, False
    while not closed and not listener.over:
        text, at, closed = await listeners.replay(board.id, at, until)
        if not text:
            break
        await _write(send, text)
    if finalized and not closed:
        await _write(send, closed_text(board.id, at))
        closed = True
    while not closed:
        text = await listener.take()
        if not text:
            break
        await _write(send, text)
    if not listener.dropped:
        await send({"type": "http.response.body", "body": b""})


async def _write(send: Send, text: bytes) -> None:
    await send({"type": "http.response.body", "body": text, "more_body": True})


async def _left(receive: Receive, listener: Listener) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    listener.end()
