"""An owner's reads of slots, submissions, recordings and transcripts."""

from __future__ import annotations

from collections.abc import Callable

from api.playtests.http import Asked, Shown, place_of
from api.playtests.rows import Rows
from schemas.playtests import responses
from schemas.playtests import slot_json as shapes
from schemas.playtests.recordings import Download, download, transcript_filename
from schemas.playtests.requests import not_found
from schemas.timestamps import iso_ms


class SlotRoutes:
    """Handlers of authorized requests."""

    def __init__(self, rows: Rows, now_ms: Callable[[], int]) -> None:
        self._rows = rows
        self._now_ms = now_ms

    async def listed(self, asked: Asked) -> Shown:
        """A playtest's slots, newest first."""
        studio_id, order_id = asked.caller.studio_id, asked.name("playtestId")
        order, found = await self._rows.reads.order_and_slots(order_id, **asked.page)
        if order is None or order.studio_id != studio_id:
            raise not_found()
        slots, more = asked.cut(found)
        panel = await self._rows.panel(studio_id, slots)
        data = responses.Slots(
            slots=[shapes.slot(slot, panel, self._rows.public_url(slot)) for slot in slots]
        )
        return Shown(data=data, more=more, last=place_of(slots))

    async def one(self, asked: Asked) -> Shown:
        """A slot with all that belongs to it."""
        studio_id = asked.caller.studio_id
        slot = await self._rows.slot(studio_id, asked.name("slotId"))
        row = await self._rows.order(studio_id, slot.order_id)
        games = await self._rows.games([slot.game_id])
        panel = await self._rows.panel(studio_id, [slot])
        detail = shapes.slot_detail(slot, row.order, games[slot.game_id], panel, self._rows.public_url(slot))
        return Shown(data=responses.OneSlotDetail(slot=detail))

    async def submissions(self, asked: Asked) -> Shown:
        """A studio's slots of one status with their submissions, newest first."""
        studio_id = asked.caller.studio_id
        found = await self._rows.reads.studio_slots(studio_id, asked.query["status"], **asked.page)
        slots, more = asked.cut(found)
        orders, panel = await self._rows.reads.orders_and_playtesters(
            studio_id,
            {slot.order_id for slot in slots},
            {slot.playtester_id for slot in slots if slot.playtester_id is not None},
        )
        games = await self._rows.games(slot.game_id for slot in slots)
        rows = shapes.submission_rows(slots, orders, games, panel)
        return Shown(data=responses.Submissions(submissions=rows), more=more, last=place_of(slots))

    async def download_url(self, asked: Asked) -> Shown:
        """Where the recording can be read for an hour; 404 without a submission."""
        slot = await self._rows.slot(asked.caller.studio_id, asked.name("slotId"))
        found = await self._download(slot.submission.video_key if slot.submission is not None else "")
        data = responses.DownloadUrl(download_url=found.url, expires_at=iso_ms(found.expires_at_ms))
        return Shown(data=data)

    async def transcript(self, asked: Asked) -> Shown:
        """Where the transcript can be read for an hour; 404 until it is approved."""
        slot = await self._rows.slot(asked.caller.studio_id, asked.name("slotId"))
        known = slot.transcription
        if known is None or known.status != "approved" or known.version is None:
            raise not_found()
        found = await self._download(known.key)
        data = responses.Transcript(
            download_url=found.url,
            filename=transcript_filename(known.version),
            version=known.version,
            key_takeaways=known.key_takeaways,
        )
        return Shown(data=data)

    async def _download(self, key: str) -> Download:
        found = await download(self._rows.objects, key, self._now_ms()) if key else None
        if found is None:
            raise not_found()
        return found
