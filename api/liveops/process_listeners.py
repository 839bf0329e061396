"""All listeners of a process: for each store of boards' streams those of its boards, under one limit."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from api.liveops.listener_places import Places
from api.liveops.subscriptions import BoardListeners, ListenerOptions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from api.liveops.metrics import ListenerMetrics
    from schemas.edge.ports import Credential
    from schemas.liveops.ports import BoardReads, BoardStreams, StreamStores


class ProcessListeners:
    """All listeners of a process, by the stores that their boards' streams are in."""

    def __init__(
        self,
        streams: StreamStores,
        boards: BoardReads,
        metrics: ListenerMetrics,
        credential: Callable[[str], Awaitable[Credential | None]],
        now_ms: Callable[[], int],
        *,
        options: ListenerOptions,
    ) -> None:
        self.places = Places(options.listeners_max, metrics)
        self._streams = streams
        self._open: dict[BoardStreams, BoardListeners] = {}
        self._make = partial(
            BoardListeners,
            boards=boards,
            metrics=metrics,
            credential=credential,
            now_ms=now_ms,
            places=self.places,
            options=options,
        )

    def of(self, game_id: str) -> BoardListeners:
        """Those of the store that has a game's boards."""
        streams = self._streams.of(game_id)
        found = self._open.get(streams)
        if found is None:
            found = self._open[streams] = self._make(streams)
        return found

    async def close(self) -> None:
        """End every connection, and take no more."""
        self.places.closed = True
        await asyncio.gather(*(listeners.close() for listeners in self._open.values()))
