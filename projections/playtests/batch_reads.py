"""Key batches in Redis: implements `schemas.playtests.ports.BatchReads`."""

from __future__ import annotations

from typing import Final

import msgspec

from projections.playtests import keys
from projections.playtests.read_rows import BatchedReads
from schemas.playtests.batch_views import Batch, BatchCounts, Invite, KeyState, Link
from schemas.playtests.ports import BatchRow, RedeemLink

_batch: Final = msgspec.msgpack.Decoder(Batch)
_counts: Final = msgspec.msgpack.Decoder(BatchCounts)
_key: Final = msgspec.msgpack.Decoder(KeyState)
_invite: Final = msgspec.msgpack.Decoder(Invite)
_device: Final = msgspec.msgpack.Decoder(Link)
_link: Final = msgspec.msgpack.Decoder(RedeemLink)
_place: Final = msgspec.msgpack.Decoder(tuple[str, str, int])


class BatchQueries(BatchedReads):
    """See the Protocol."""

    async def batches(self, studio_id: str, game_id: str) -> list[BatchRow]:
        """A game's batches, oldest first."""
        game = keys.of_game(studio_id, game_id)
        batches, counts = await self._read(
            ("hgetall", f"batches:{game}", "", ""), ("hgetall", f"batch-counts:{game}", "", "")
        )
        counted = dict(zip(counts[::2], counts[1::2], strict=True))
        rows = [
            _row(value, counted.get(name)) for name, value in zip(batches[::2], batches[1::2], strict=True)
        ]
        return sorted(rows, key=lambda row: (row.batch.created_at_ms, row.batch.definition.id))

    async def batch(self, studio_id: str, game_id: str, batch_id: str) -> BatchRow | None:
        """One batch of a game."""
        game = keys.of_game(studio_id, game_id)
        batch, counts = await self._read(
            ("hget", f"batches:{game}", batch_id, ""), ("hget", f"batch-counts:{game}", batch_id, "")
        )
        return None if batch is None else _row(batch, counts)

    async def batch_keys(self, studio_id: str, game_id: str, batch_id: str) -> list[KeyState]:
        """All keys of a batch, by number."""
        where = keys.of_batch("batch-keys", studio_id, game_id, batch_id)
        (flat,) = await self._read(("hgetall", where, "", ""))
        return sorted((_key.decode(value) for value in flat[1::2]), key=lambda key: key.number)

    async def batch_invites(self, studio_id: str, game_id: str, batch_id: str) -> list[Invite]:
        """All invites of a batch, by (sent_at_ms, id)."""
        where = keys.of_batch("batch-invites", studio_id, game_id, batch_id)
        (flat,) = await self._read(("hgetall", where, "", ""))
        return sorted(
            (_invite.decode(value) for value in flat[1::2]), key=lambda one: (one.sent_at_ms, one.id)
        )

    async def batch_invite(
        self, studio_id: str, game_id: str, batch_id: str, invite_id: str
    ) -> Invite | None:
        """One invite of a batch."""
        where = keys.of_batch("batch-invites", studio_id, game_id, batch_id)
        (value,) = await self._read(("hget", where, invite_id, ""))
        return None if value is None else _invite.decode(value)

    async def redeem_link(self, token_hash: str) -> RedeemLink | None:
        """What a link leads to; None for an unknown one, or a share link that was rotated."""
        return await self._linked(keys.LINKS, token_hash)

    async def claim(self, token_hash: str) -> RedeemLink | None:
        """The redeemed key that a claim token came with."""
        return await self._linked(keys.CLAIMS, token_hash)

    async def code(self, studio_id: str, fingerprint: str) -> tuple[str, str, KeyState] | None:
        """The game, the batch and the state of the key that has a code."""
        (place,) = await self._read(("hget", f"codes:{studio_id}", fingerprint, ""))
        if place is None:
            return None
        game_id, batch_id, number = _place.decode(place)
        where = keys.of_batch("batch-keys", studio_id, game_id, batch_id)
        (key,) = await self._read(("hget", where, str(number), ""))
        return None if key is None else (game_id, batch_id, _key.decode(key))

    async def device(self, studio_id: str, game_id: str, device_id: str) -> Link | None:
        """The handle that a device is linked to."""
        game = keys.of_game(studio_id, game_id)
        (value,) = await self._read(("hget", f"devices:{game}", device_id, ""))
        return None if value is None else _device.decode(value)

    async def _linked(self, key: str, token_hash: str) -> RedeemLink | None:
        (value,) = await self._read(("hget", key, token_hash, ""))
        return None if value is None else _link.decode(value)


def _row(batch: bytes, counts: bytes | None) -> BatchRow:
    counted = BatchCounts() if counts is None else _counts.decode(counts)
    return BatchRow(batch=_batch.decode(batch), counts=counted)
