"""Recordings and transcripts in the object store: their keys, and signed addresses to read them.

A slot's uploads are `submissions/<studio>/<slot>/<upload id>.<suffix>`, transcripts that were made
`transcripts/<studio>/<slot>/<transcript id>.txt`, a published recording `public/recordings/<slot>.<suffix>`.
Source: contract/playtests.md, "Playtesters" and "Slots"; the S2 reference, `download-url` and `transcript`.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from schemas.objects import PUBLIC_FOLDER, SUFFIXES, ObjectStore
from schemas.playtests.limits import VIDEO_BYTES_MAX

RECORDING_BYTES_MAX: Final = VIDEO_BYTES_MAX
TRANSCRIPT_BYTES_MAX: Final = 2**20
UPLOAD_MS: Final = 6 * 3_600_000
"""How long an upload may begin, and how long it may then take."""
DOWNLOAD_MS: Final = 3_600_000
UPLOADS_MAX: Final = 20
"""Stored uploads of one slot."""
TRANSCRIPT_TYPE: Final = "text/plain"
UPLOADED_VERSION: Final = "uploaded"
"""The version of a transcript that the playtester gave."""
_OTHER_VIDEO: Final = "video"
_TYPE: Final = re.compile(r"[a-z]+/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\Z")


class Download(msgspec.Struct, frozen=True):
    """An address that serves one object until a time in unix milliseconds."""

    url: str
    expires_at_ms: int


def suffix_of(content_type: str) -> str | None:
    """The suffix of an upload's key by its media type, parameters aside; None for what is not taken."""
    kind = content_type.partition(";")[0].strip().lower()
    if _TYPE.match(kind) is None:
        return None
    return SUFFIXES.get(kind) or (_OTHER_VIDEO if kind.startswith("video/") else None)


def upload_folder(studio_id: str, slot_id: str) -> str:
    """Where a slot's uploads are."""
    return f"submissions/{studio_id}/{slot_id}"


def transcript_folder(studio_id: str, slot_id: str) -> str:
    """Where the transcripts are that were made of a slot's recording."""
    return f"transcripts/{studio_id}/{slot_id}"


def transcript_key(studio_id: str, slot_id: str, transcript_id: str) -> str:
    """Where a transcript is that was made of a slot's recording."""
    return f"{transcript_folder(studio_id, slot_id)}/{transcript_id}.txt"


def public_key(slot_id: str, recording_key: str) -> str:
    """Where a recording is once it is published: it is public there."""
    return f"{PUBLIC_FOLDER}recordings/{slot_id}.{recording_key.rpartition('.')[2]}"


def transcript_filename(version: str) -> str:
    """As the reference names the file."""
    return f"transcript-{version}.txt"


async def download(objects: ObjectStore, key: str, now_ms: int) -> Download | None:
    """Where an object can be read for an hour; None where there is none. Raises ObjectStoreError."""
    if await objects.size(key) is None:
        return None
    expires_at_ms = now_ms + DOWNLOAD_MS
    return Download(await objects.signed_url(key, expires_at_ms=expires_at_ms), expires_at_ms)
