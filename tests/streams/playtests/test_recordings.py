from __future__ import annotations

from pathlib import Path

import pytest

from deploy.objects import FolderObjects
from schemas.objects import new_object
from schemas.playtests.recordings import (
    RECORDING_BYTES_MAX,
    TRANSCRIPT_BYTES_MAX,
    UPLOADS_MAX,
    download,
    public_key,
    suffix_of,
    transcript_filename,
    upload_folder,
)
from streams.playtests.recordings import (
    Stored,
    TooManyUploads,
    Upload,
    UploadInvalid,
    check_upload,
    forget_recordings,
    offer_upload,
    publish,
    remove_uploads,
    stored_recording,
    stored_transcript,
    write_transcript,
)

NOW_MS = 1_800_000_000_000
HOUR_MS = 3_600_000
FOLDER = upload_folder("studio", "slot")


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path, base_url="http://localhost:4000", secret=b"secret")


async def put(objects: FolderObjects, key: str, content: bytes = b"frames") -> str:
    async with new_object(objects, key) as writer:
        await writer.write(content)
    return key


async def offered(objects: FolderObjects, size: int = 6, content_type: str = "video/mp4") -> Upload:
    return await offer_upload(
        objects,
        studio_id="studio",
        slot_id="slot",
        upload_id="up",
        size=size,
        content_type=content_type,
        now_ms=NOW_MS,
    )


async def recording(
    objects: FolderObjects, upload_id: str = "up", studio_id: str = "studio"
) -> Stored | None:
    return await stored_recording(objects, studio_id=studio_id, slot_id="slot", upload_id=upload_id)


@pytest.mark.parametrize(
    ("content_type", "suffix"),
    [
        ("video/mp4", "mp4"),
        ("Video/WebM; codecs=vp9", "webm"),
        ("video/quicktime", "mov"),
        ("video/x-unheard-of", "video"),
        ("text/plain; charset=utf-8", "txt"),
        ("text/html", None),
        ("audio/mp4", None),
        ("video/", None),
        ("video", None),
        ("video/mp4 x", None),
        ("video/../../x", None),
        ("", None),
    ],
)
def test_recordings_and_transcripts_may_be_uploaded(content_type: str, suffix: str | None) -> None:
    assert suffix_of(content_type) == suffix


@pytest.mark.parametrize(
    ("size", "content_type", "field"),
    [
        (0, "video/mp4", "size"),
        (-1, "video/mp4", "size"),
        (RECORDING_BYTES_MAX + 1, "video/mp4", "size"),
        (TRANSCRIPT_BYTES_MAX + 1, "text/plain", "size"),
        (1, "image/png", "contentType"),
    ],
)
def test_nothing_else_is_offered(size: int, content_type: str, field: str) -> None:
    with pytest.raises(UploadInvalid) as invalid:
        check_upload(size, content_type)
    assert invalid.value.field == field


async def test_an_upload_is_offered_for_six_hours_with_the_announced_size(objects: FolderObjects) -> None:
    upload = await offered(objects, RECORDING_BYTES_MAX)
    assert upload.upload_id == "up"
    assert upload.expires_at_ms == NOW_MS + 6 * HOUR_MS
    assert upload.url.startswith(
        f"http://localhost:4000/objects/{FOLDER}/up.mp4?expires={upload.expires_at_ms}&"
    )
    assert f"&bytes_max={20 * 2**30}&" in upload.url
    assert await offered(objects, RECORDING_BYTES_MAX) == upload


async def test_a_slot_holds_so_many_uploads(objects: FolderObjects) -> None:
    for number in range(UPLOADS_MAX):
        await offered(objects)
        await put(objects, f"{FOLDER}/{number}.mp4")
    with pytest.raises(TooManyUploads):
        await offered(objects)


async def test_a_submission_needs_what_was_uploaded_to_its_slot(objects: FolderObjects) -> None:
    assert await recording(objects) is None
    key = await put(objects, f"{FOLDER}/up.mp4")
    assert await recording(objects) == Stored(key, 6)
    assert await recording(objects, studio_id="other") is None
    assert await recording(objects, "u") is None
    await put(objects, f"{FOLDER}/empty.mp4", b"")
    assert await recording(objects, "empty") is None


async def test_a_transcript_is_no_recording_and_a_recording_no_transcript(objects: FolderObjects) -> None:
    key = await put(objects, f"{FOLDER}/words.txt", b"words")
    assert await recording(objects, "words") is None
    where = {"studio_id": "studio", "slot_id": "slot"}
    assert await stored_transcript(objects, upload_id="words", **where) == Stored(key, 5)
    await put(objects, f"{FOLDER}/up.mp4")
    assert await stored_transcript(objects, upload_id="up", **where) is None


async def test_a_download_lasts_an_hour(objects: FolderObjects) -> None:
    assert await download(objects, f"{FOLDER}/up.mp4", NOW_MS) is None
    key = await put(objects, f"{FOLDER}/up.mp4")
    found = await download(objects, key, NOW_MS)
    assert found is not None
    assert found.expires_at_ms == NOW_MS + HOUR_MS
    assert found.url == await objects.signed_url(key, expires_at_ms=found.expires_at_ms)
    assert transcript_filename("claude") == "transcript-claude.txt"


async def test_published_twice_it_is_there_once(objects: FolderObjects) -> None:
    key = await put(objects, f"{FOLDER}/up.webm")
    target = await publish(objects, slot_id="slot", key=key)
    assert target == public_key("slot", key) == "public/recordings/slot.webm"
    assert await objects.read(target) == b"frames"
    assert await publish(objects, slot_id="slot", key=key) == target
    await put(objects, target, b"fra")
    await publish(objects, slot_id="slot", key=key)
    assert await objects.read(target) == b"frames"


async def test_what_nobody_submitted_is_removed(objects: FolderObjects) -> None:
    kept = await put(objects, f"{FOLDER}/up.mp4")
    await put(objects, f"{FOLDER}/earlier.mp4")
    for _ in range(2):
        await remove_uploads(objects, studio_id="studio", slot_id="slot", keep=frozenset({kept}))
        assert await objects.names(FOLDER) == ["up.mp4"]


async def test_nothing_is_left_of_what_is_forgotten(objects: FolderObjects, tmp_path: Path) -> None:
    key = await put(objects, f"{FOLDER}/up.mp4")
    public = await publish(objects, slot_id="slot", key=key)
    where = {"studio_id": "studio", "slot_id": "slot"}
    written = await write_transcript(objects, transcript_id="made", text="Zu dunkel.", **where)
    assert await objects.read(written) == b"Zu dunkel."
    other = await put(objects, f"{upload_folder('studio', 'other')}/up.mp4")
    for _ in range(2):
        await forget_recordings(objects, public=public, **where)
    assert files_below(tmp_path) == [tmp_path / other]


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
