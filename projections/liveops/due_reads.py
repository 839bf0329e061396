"""What is due, and what will be. Implements `DueReads` and `PinReads` of `schemas.liveops.ports`."""

from __future__ import annotations

from itertools import chain
from typing import Final

import msgspec
from msgspec.structs import replace

from projections.liveops import keys
from projections.liveops.read_base import BatchedReads, fields_of, pairs_of
from projections.redis.read_batches import ReadBatches
from schemas.liveops.ports import BoardRow, LobbyDueRow, WindowBoard, WindowRow, first_pinned
from schemas.liveops.views import FinalEntry

_window: Final = msgspec.msgpack.Decoder(WindowRow)
_board: Final = msgspec.msgpack.Decoder(BoardRow)
_chunk: Final = msgspec.msgpack.Decoder(tuple[int, int])


class DueQueries(BatchedReads):
    """See the Protocol."""

    async def windows_over(self, now_ms: int, limit: int) -> list[WindowRow]:
        """Windows past their end that are not finalized, the oldest end first."""
        found = [await self._windows_over(batches, now_ms, limit) for batches in self._batches.all]
        return sorted(chain.from_iterable(found), key=lambda row: row.ends_at_ms)[:limit]

    @staticmethod
    async def _windows_over(batches: ReadBatches, now_ms: int, limit: int) -> list[WindowRow]:
        (flat,) = await batches.read(("until", keys.WINDOWS, str(now_ms), str(limit)))
        names = [name for name, _ in pairs_of(flat)]
        if not names:
            return []
        answers = await batches.read(
            *(
                request
                for name in names
                for request in (("hgetall", f"window:{name}", "", ""), ("smembers", f"closed:{name}", "", ""))
            )
        )
        found = []
        for opened, closed in zip(answers[::2], answers[1::2], strict=True):
            rows = [_window.decode(value) for value in fields_of(opened).values()]
            if rows:  # a window that was finalized in between has left
                partitions = frozenset(int(partition) for partition in closed)
                found.append(replace(min(rows, key=first_pinned), closed_partitions=partitions))
        return found

    async def pins(
        self, studio_id: str, game_id: str, event_key: str, window_id: str
    ) -> dict[int, WindowRow]:
        """The definition that each partition has pinned; empty for a window that was never used."""
        name = keys.window_name(studio_id, game_id, event_key, window_id)
        (opened,) = await self._read(game_id, ("hgetall", f"window:{name}", "", ""))
        return {int(partition): _window.decode(row) for partition, row in fields_of(opened).items()}

    async def boards_of(self, row: WindowRow, limit: int) -> list[WindowBoard]:
        """Boards of a window that are not finalized, by id."""
        name = keys.window_name(row.studio_id, row.game_id, row.event_key, row.window_id)
        read = self._batches.of(row.game_id).read
        (members,) = await read(("smembers", f"boards:{name}", "", ""))
        ids = sorted(member.decode() for member in members)[:limit]
        if not ids:
            return []
        answers = await read(*(("hmget", keys.board_key(board_id), "chunk\0final", "") for board_id in ids))
        boards = []
        for board_id, (chunk, final) in zip(ids, answers, strict=True):
            next_chunk, frozen = (0, 0) if chunk is None else _chunk.decode(chunk)
            finalized = final is not None
            boards.append(
                WindowBoard(board_id=board_id, next_chunk=next_chunk, frozen=frozen, finalized=finalized)
            )
        return [board for board in boards if not board.finalized]

    async def ranks(self, game_id: str, board_id: str, start: int, count: int) -> list[FinalEntry]:
        """Entries ranked `start` + 1 to `start` + `count`. Stable once all partitions are closed."""
        row, flat = await self._read(
            game_id,
            ("hget", keys.board_key(board_id), "row", ""),
            ("slice", keys.entries_key(board_id), str(start), str(count)),
        )
        descending = row is not None and _board.decode(row).order == "desc"
        entries = []
        for rank, (member, score) in enumerate(pairs_of(flat), start=start + 1):
            achieved_at_ms, external_id, bot = keys.read_place(member)
            value = (-score if descending else score) + 0.0
            entries.append(
                FinalEntry(
                    rank=rank,
                    external_id=external_id,
                    score=value,
                    achieved_at_ms=achieved_at_ms,
                    is_bot=bot,
                )
            )
        return entries

    async def lobbies_due(self, now_ms: int, limit: int) -> list[LobbyDueRow]:
        """Lobbies whose time has come, the longest due first."""
        due = []
        for batches in self._batches.all:
            (flat,) = await batches.read(("until", keys.LOBBIES, str(now_ms), str(limit)))
            due += pairs_of(flat)
        rows = []
        for member, due_at_ms in due:
            studio_id, game_id, event_key, window_id, lobby_id = member.split("/")
            rows.append(
                LobbyDueRow(
                    studio_id=studio_id,
                    game_id=game_id,
                    event_key=event_key,
                    window_id=window_id,
                    lobby_id=lobby_id,
                    due_at_ms=int(due_at_ms),
                )
            )
        return sorted(rows, key=lambda row: row.due_at_ms)[:limit]
