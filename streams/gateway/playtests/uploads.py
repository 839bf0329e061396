"""Uploads to a playtester's slot: where to PUT them, and what a submission hands in of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from schemas.playtests import bodies, responses, slot_commands
from schemas.playtests.requests import not_found, path_id
from schemas.playtests.validation import refuse
from schemas.playtests.views import Slot
from schemas.timestamps import iso_ms
from streams.gateway.pending_commands import OTHER_BODY, CommandConflict
from streams.gateway.playtests.asking import Asked, Asking
from streams.gateway.playtests.write import Answered, Stores, Write, conflict
from streams.playtests.recordings import (
    TooManyUploads,
    UploadInvalid,
    check_upload,
    offer_upload,
    stored_recording,
    stored_transcript,
)

_encode: Final = msgspec.json.Encoder().encode


class Uploads:
    """Of one process. Raises `Refused`, and as the stores do."""

    def __init__(
        self, asking: Asking, stores: Stores, *, now_ms: Callable[[], int], transcribes: bool
    ) -> None:
        self._asking = asking
        self._reads = stores.reads
        self._first_answers = stores.first_answers
        self._objects = stores.objects
        self._now_ms = now_ms
        self._transcribes = transcribes

    async def offer(self, write: Write) -> Answered:
        """An address that one upload is PUT to; the same request gets it again."""
        body: bodies.UploadBody = write.body
        try:
            check_upload(body.size, body.content_type)
        except UploadInvalid as error:
            refuse({error.field: str(error)})
        given = await self._answered(write.asked)
        if given is not None:
            return 200, given
        slot = await self._own_slot(write)
        now_ms = self._now_ms()
        if slot.status != "reserved":
            raise conflict("wrong_status")
        if slot.deadline_at_ms is not None and now_ms >= slot.deadline_at_ms:
            raise conflict("deadline_passed")
        try:
            upload = await offer_upload(
                self._objects,
                studio_id=write.studio_id,
                slot_id=slot.id,
                upload_id=write.asked.command_id,
                size=body.size,
                content_type=body.content_type,
                now_ms=now_ms,
            )
        except TooManyUploads:
            raise conflict("too_many_uploads") from None
        answer = responses.UploadUrl(
            upload_url=upload.url, upload_id=upload.upload_id, expires_at=iso_ms(upload.expires_at_ms)
        )
        return 200, await self._first(write.asked, _encode(answer))

    async def submission(self, write: Write) -> slot_commands.SubmitSlot:
        """What hands the uploads in, as far as they are stored."""
        body: bodies.SubmitBody = write.body
        slot_id = path_id(write.path["slotId"])
        video = await stored_recording(
            self._objects, studio_id=write.studio_id, slot_id=slot_id, upload_id=body.upload_id
        )
        transcript = None
        if body.transcript_upload_id is not None:
            transcript = await stored_transcript(
                self._objects,
                studio_id=write.studio_id,
                slot_id=slot_id,
                upload_id=body.transcript_upload_id,
            )
            video = None if transcript is None else video  # both are there, or one is missing
        return slot_commands.SubmitSlot(
            slot_id=slot_id,
            playtester_id=write.playtester_id,
            video=None if video is None else slot_commands.StoredObject(key=video.key, size_bytes=video.size),
            notes=body.notes,
            transcript=None
            if transcript is None
            else slot_commands.StoredObject(key=transcript.key, size_bytes=transcript.size),
            transcribe=self._transcribes,
        )

    async def _answered(self, asked: Asked) -> bytes | None:
        """What the same request was answered first, whatever has become of its slot since."""
        kept = await self._first_answers.known(asked.command_id) if asked.given else None
        return None if kept is None else self._same(asked, kept)

    async def _first(self, asked: Asked, answer: bytes) -> bytes:
        if not asked.given:
            return answer
        held = self._asking.fingerprints(asked)[0] + answer
        return self._same(asked, await self._first_answers.first(asked.command_id, held))

    def _same(self, asked: Asked, kept: bytes) -> bytes:
        """The answer in what is kept. Raises CommandConflict where it was given to another body."""
        for fingerprint in self._asking.fingerprints(asked):
            if kept.startswith(fingerprint):
                return kept[len(fingerprint) :]
        raise CommandConflict(OTHER_BODY)

    async def _own_slot(self, write: Write) -> Slot:
        slot = await self._reads.slot(path_id(write.path["slotId"]))
        if slot is None or (slot.studio_id, slot.playtester_id) != (write.studio_id, write.playtester_id):
            raise not_found()
        return slot
