"""What the write side does with recordings: offers uploads, finds them stored, publishes and removes them.

All of it may be done again: what was done is done. Raises ObjectStoreError where the store is away.
Source: contract/playtests.md, "Playtesters" and "Slots".
"""

from __future__ import annotations

import msgspec

from schemas.envelope import Decided
from schemas.objects import ObjectStore, new_object
from schemas.playtests.events import EVENTS
from schemas.playtests.recordings import (
    RECORDING_BYTES_MAX,
    TRANSCRIPT_BYTES_MAX,
    TRANSCRIPT_TYPE,
    UPLOAD_MS,
    UPLOADS_MAX,
    public_key,
    suffix_of,
    transcript_folder,
    transcript_key,
    upload_folder,
)
from schemas.playtests.slot_events import SlotSubmitted, TranscriptApproved

_TRANSCRIPT_SUFFIX = suffix_of(TRANSCRIPT_TYPE)


class UploadInvalid(ValueError):
    """What is announced can't be uploaded. `field` is the request's."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class TooManyUploads(Exception):
    """The slot has `UPLOADS_MAX` stored uploads already."""


class Upload(msgspec.Struct, frozen=True):
    """Where one upload is PUT, to begin until a time in unix milliseconds."""

    upload_id: str
    url: str
    expires_at_ms: int


class Stored(msgspec.Struct, frozen=True):
    """An upload that is there, whole."""

    key: str
    size: int


def check_upload(size: int, content_type: str) -> str:
    """The suffix of what is announced. Raises UploadInvalid."""
    suffix = suffix_of(content_type)
    if suffix is None:
        raise UploadInvalid("contentType", f"must be video/*, or {TRANSCRIPT_TYPE} for a transcript")
    size_max = TRANSCRIPT_BYTES_MAX if suffix == _TRANSCRIPT_SUFFIX else RECORDING_BYTES_MAX
    if not 1 <= size <= size_max:
        raise UploadInvalid("size", f"must be from 1 to {size_max} bytes")
    return suffix


async def offer_upload(
    objects: ObjectStore,
    *,
    studio_id: str,
    slot_id: str,
    upload_id: str,
    size: int,
    content_type: str,
    now_ms: int,
) -> Upload:
    """A signed address that takes at most the announced size, once. Nothing is written yet.

    Called again with the same upload id: the same object. Raises UploadInvalid and TooManyUploads.
    """
    suffix = check_upload(size, content_type)
    folder = upload_folder(studio_id, slot_id)
    if len(await objects.names(folder)) >= UPLOADS_MAX:
        raise TooManyUploads(f"a slot holds at most {UPLOADS_MAX} uploads")
    expires_at_ms = now_ms + UPLOAD_MS
    key = f"{folder}/{upload_id}.{suffix}"
    url = objects.signed_upload_url(key, bytes_max=size, expires_at_ms=expires_at_ms)
    return Upload(upload_id, url, expires_at_ms)


async def stored_recording(
    objects: ObjectStore, *, studio_id: str, slot_id: str, upload_id: str
) -> Stored | None:
    """The recording that was uploaded to a slot under this id; None where it is not there, or is empty."""
    return await _stored(objects, studio_id, slot_id, upload_id, transcript=False)


async def stored_transcript(
    objects: ObjectStore, *, studio_id: str, slot_id: str, upload_id: str
) -> Stored | None:
    """The transcript that was uploaded to a slot under this id; None as for a recording."""
    return await _stored(objects, studio_id, slot_id, upload_id, transcript=True)


async def write_transcript(
    objects: ObjectStore, *, studio_id: str, slot_id: str, transcript_id: str, text: str
) -> str:
    """Store a transcript that was made of a slot's recording; its key. One of the same id is replaced."""
    key = transcript_key(studio_id, slot_id, transcript_id)
    async with new_object(objects, key) as writer:
        await writer.write(text.encode())
    return key


async def publish(objects: ObjectStore, *, slot_id: str, key: str) -> str:
    """Copy a recording to where it is public; the public key. A copy that is there whole stays."""
    target = public_key(slot_id, key)
    size = await objects.size(target)
    if size is None or size != await objects.size(key):
        await objects.copy(key, target)
    return target


async def remove_uploads(objects: ObjectStore, *, studio_id: str, slot_id: str, keep: frozenset[str]) -> None:
    """Remove a slot's uploads but those whose keys are to be kept: they can't be submitted any more."""
    folder = upload_folder(studio_id, slot_id)
    for name in await objects.names(folder):
        if f"{folder}/{name}" not in keep:
            await objects.delete(f"{folder}/{name}")


async def forget_recordings(objects: ObjectStore, *, studio_id: str, slot_id: str, public: str = "") -> None:
    """Remove all that the store has of a slot, with its public copy, at `public` too where that is known."""
    for name in await objects.names(upload_folder(studio_id, slot_id)):
        await objects.delete(public_key(slot_id, name))  # before what tells its suffix
    await remove_uploads(objects, studio_id=studio_id, slot_id=slot_id, keep=frozenset())
    folder = transcript_folder(studio_id, slot_id)
    for name in await objects.names(folder):
        await objects.delete(f"{folder}/{name}")
    if public:
        await objects.delete(public)


async def _stored(
    objects: ObjectStore, studio_id: str, slot_id: str, upload_id: str, *, transcript: bool
) -> Stored | None:
    folder = upload_folder(studio_id, slot_id)
    for name in await objects.names(folder):
        stem, _, suffix = name.rpartition(".")
        if stem == upload_id and (suffix == _TRANSCRIPT_SUFFIX) is transcript:
            key = f"{folder}/{name}"
            size = await objects.size(key)
            return Stored(key, size) if size else None
    return None


def submitted_keys(decided: Decided, submitted: SlotSubmitted) -> frozenset[str]:
    """The objects that were submitted together: the recording, and a transcript that was uploaded. Pure."""
    events = (EVENTS.decode(one.type, one.data) for one in decided.events)
    transcripts = (
        event.transcription.key
        for event in events
        if isinstance(event, TranscriptApproved) and event.slot_id == submitted.slot.id
    )
    return frozenset((submitted.submission.video_key, *transcripts))
