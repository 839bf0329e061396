"""Subscribers of one store's boards in this process, and the one reader that notifies them.

One blocking read follows all boards that have listeners. Each event is made text once and put into every
listener's own bounded queue, in slices, so that neither a slow listener nor five thousand of them hold up
the process: a client that does not keep up is disconnected and resumes with `Last-Event-ID`.

When a rebuilt projection takes over, its streams are read from their beginning and what listeners have had is
left out, by content: nothing is lost, and a board that is followed for less than five minutes may hear
something twice.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from api.liveops.followed_board import READ_MAX, FollowedBoard
from api.liveops.schedule import FINAL_AFTER_MS
from api.liveops.subscriber import Listener, closed_text, event_text, order
from schemas.edge.ports import Credential, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from api.liveops.listener_places import Places
    from api.liveops.metrics import ListenerMetrics
    from schemas.liveops.ports import BoardReads, BoardRow, BoardStreams, StreamEntry

LISTENERS_MAX: Final = 5_000
HEARTBEAT_S: Final = 15.0
HEARTBEAT: Final = b":\n\n"
SWEEP_S: Final = 2.0
"""How often keys and windows are looked at. The directory is up to a second old: a revoked key's streams end
within 3 s."""
REVOKED: Final = b": this key was rotated or revoked\n\n"
_BLOCK_MS: Final = 1_000
_RETRY_S: Final = 0.5
_GATHER_S: Final = 0.005
"""Between two reads that brought something: what comes meanwhile is sent together."""
_SLICE: Final = 100
_log: Final = logging.getLogger("questlog.api.liveops")


class Full(Exception):
    """The process has as many listeners as it takes."""


class ListenerOptions(NamedTuple):
    """How often a process looks after its listeners, and how many it takes."""

    heartbeat_s: float = HEARTBEAT_S
    listeners_max: int = LISTENERS_MAX
    sweep_s: float = SWEEP_S


LISTENER_OPTIONS: Final = ListenerOptions()


class BoardListeners:
    """All listeners of one store's boards. Its tasks run from the first one on; `close` ends everything."""

    def __init__(
        self,
        streams: BoardStreams,
        boards: BoardReads,
        metrics: ListenerMetrics,
        credential: Callable[[str], Awaitable[Credential | None]],
        now_ms: Callable[[], int],
        *,
        places: Places,
        options: ListenerOptions,
    ) -> None:
        self._streams = streams
        self._reads = boards
        self._places = places
        self._metrics = metrics
        self._credential = credential
        self._now_ms = now_ms
        self._options = options
        self._boards: dict[str, FollowedBoard] = {}
        self._generation = ""
        self._tasks: list[asyncio.Task[None]] = []
        self._blocking: asyncio.Task[dict[str, list[StreamEntry]]] | None = None
        self._changed = False
        self._closed = False

    async def join(
        self, row: BoardRow, listener: Listener, after: str | None, ends_at_ms: int | None = None
    ) -> tuple[str, str]:
        """Add a listener. Gives where it begins, and up to where it has to `replay` itself.

        What comes later is queued from now on. It begins after `after`, but at the end where that is an id of
        the future. `ends_at_ms` is that of a board without players: its subscribers are sent `closed` if it
        stays so. Raises `Full`, and `StoreUnavailable`.
        """
        if self._closed or self._places.full:
            raise Full
        board_id = row.id
        if after is not None and await self._ahead(board_id, after):
            after = None
        if board_id not in self._boards:
            position = await self._streams.last_id(board_id)
            if board_id not in self._boards:  # no other request was quicker
                self._boards[board_id] = FollowedBoard(row.game_id, position)
                self._follow_changed()
        board = self._boards[board_id]
        begin = board.position if after is None else after
        listener.after = max(order(begin), order(board.position))
        board.listeners[listener] = None
        if ends_at_ms is not None:
            board.ends_at_ms = ends_at_ms
        self._places.change(1)
        if self._closed:
            listener.end()
        return begin, board.position

    async def _ahead(self, board_id: str, after: str) -> bool:
        """Whether an id can't have been given yet: it is beyond the stream's end and beyond now."""
        board = self._boards.get(board_id)
        if order(after)[0] <= self._now_ms() or (board and order(after) <= order(board.position)):
            return False
        return order(after) > order(await self._streams.last_id(board_id))

    def leave(self, board_id: str, listener: Listener) -> None:
        """Remove a listener; a second time changes nothing."""
        board = self._boards.get(board_id)
        if board is None or listener not in board.listeners:
            return
        del board.listeners[listener]
        self._places.change(-1)
        if not board.listeners:
            del self._boards[board_id]

    async def replay(self, board_id: str, begin: str, until: str) -> tuple[bytes, str, bool]:
        """The next events after `begin` up to `until`, the last one's id, and whether the board is closed.

        Empty text says that there are no more.
        """
        found = (await self._streams.read({board_id: begin}, block_ms=0, count=READ_MAX)).get(board_id, [])
        last = order(until)
        entries = [entry for entry in found if order(entry.id) <= last]
        if not entries:
            return b"", until, False
        text = b"".join(event_text(board_id, entry) for entry in entries)
        return text, entries[-1].id, any(not entry.data for entry in entries)

    async def close(self) -> None:
        """End every connection and both tasks."""
        self._closed = True
        for board in list(self._boards.values()):
            for listener in list(board.listeners):
                listener.end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _follow_changed(self) -> None:
        if not self._tasks:
            loop = asyncio.get_running_loop()
            self._tasks = [loop.create_task(run()) for run in (self._follow, self._beat, self._sweep)]
        self._changed = True
        if self._blocking is not None:
            self._blocking.cancel()  # it waits for other boards; asking again loses nothing

    async def _follow(self) -> None:
        while True:
            try:
                found = await self._read() if self._boards else None
                if found is None:
                    await asyncio.sleep(_GATHER_S if self._boards else _RETRY_S)
                    continue
            except StoreUnavailable as error:
                _log.warning("boards can't be followed now: %s", error)
                await asyncio.sleep(_RETRY_S)
                continue
            except Exception:  # noqa: BLE001 - listeners stay: the next read may go well
                _log.exception("boards can't be followed now")
                await asyncio.sleep(_RETRY_S)
                continue
            for board_id, entries in found.items():
                await self._tell(board_id, entries)
            await asyncio.sleep(_GATHER_S)

    async def _read(self) -> dict[str, list[StreamEntry]] | None:
        """What came for any board; None where another board has to be followed too."""
        generation = await self._streams.generation()
        if generation != self._generation:
            if self._generation:
                for board in self._boards.values():
                    board.begin_again()
            self._generation = generation
        after = {board_id: board.position for board_id, board in self._boards.items()}
        # Of this generation, though another may have taken its place since: the positions are this one's.
        read = partial(self._streams.read, after, count=READ_MAX, generation=generation)
        if self._changed:  # not interruptible: a flood of new boards can't keep the others waiting
            self._changed = False
            return await read(block_ms=0)
        self._blocking = asyncio.ensure_future(read(block_ms=_BLOCK_MS))
        try:
            await asyncio.wait({self._blocking})
            return None if self._blocking.cancelled() else self._blocking.result()
        finally:
            self._blocking.cancel()
            self._blocking = None

    async def _tell(self, board_id: str, entries: list[StreamEntry]) -> None:
        board = self._boards.get(board_id)
        if board is None or not entries:
            return
        fresh = board.fresh(entries)
        if not fresh:
            return
        first, last = order(fresh[0].id), order(fresh[-1].id)
        closes = any(not entry.data for entry in fresh)
        texts = [(order(entry.id), event_text(board_id, entry)) for entry in fresh]
        whole = b"".join(text for _, text in texts)
        for number, listener in enumerate(list(board.listeners), 1):
            if listener.after < first:
                self._offer(listener, whole)
            elif listener.after < last:
                self._offer(listener, b"".join(text for at, text in texts if at > listener.after))
            if closes:
                listener.end()
            if number % _SLICE == 0:
                await asyncio.sleep(0)
        self._metrics.events.inc(len(fresh))

    def _offer(self, listener: Listener, text: bytes) -> None:
        if not listener.offer(text):
            self._metrics.dropped.inc()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._options.heartbeat_s)
            for board_id, board in list(self._boards.items()):
                for number, listener in enumerate(list(board.listeners), 1):
                    self._offer(listener, HEARTBEAT)
                    if number % _SLICE == 0:
                        await asyncio.sleep(0)
                with suppress(StoreUnavailable):
                    await self._close_finalized(board_id, board)

    async def _close_finalized(self, board_id: str, board: FollowedBoard) -> None:
        """A board that is finalized at two beats is closed, even if its stream has lost the word of it."""
        row = await self._reads.board(board.game_id, board_id)
        finalized = row is not None and row.finalized_at_ms is not None
        if finalized and board.finalized_before:
            self._end(board.listeners, closed_text(board_id, board.position))
        board.finalized_before = finalized

    def _end(self, listeners: Iterable[Listener], text: bytes) -> None:
        for listener in list(listeners):
            self._offer(listener, text)
            listener.end()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self._options.sweep_s)
            for look in (self._end_revoked, self._end_unjoined):
                try:
                    await look()
                except StoreUnavailable as error:  # unknown for now: it is asked again soon
                    _log.warning("streams can't be looked through now: %s", error)
                except Exception:  # noqa: BLE001 - the next look may go well
                    _log.exception("streams can't be looked through now")

    async def _end_revoked(self) -> None:
        """Ends the streams whose key was rotated or revoked."""
        by_key: dict[str, list[Listener]] = {}
        for board in self._boards.values():
            for listener in board.listeners:
                if listener.presented:
                    by_key.setdefault(listener.presented, []).append(listener)
        for presented, listeners in by_key.items():
            if await self._credential(presented) is None:
                self._end(listeners, REVOKED)

    async def _end_unjoined(self) -> None:
        """A window that ended without players finalizes no board: its subscribers are notified here."""
        now_ms = self._now_ms()
        for board_id, board in list(self._boards.items()):
            if board.ends_at_ms is not None and now_ms >= board.ends_at_ms + FINAL_AFTER_MS:
                if await self._reads.board(board.game_id, board_id) is None:
                    self._end(board.listeners, closed_text(board_id, board.position))
                board.ends_at_ms = None
