from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.objects import ObjectStoreError, ObjectStoreFull
from schemas.telemetry.record import EntryKind
from streams.gateway.export import FREE_BYTES_MIN
from tests.schemas.telemetry.s4_samples import APP, patient
from tests.streams.gateway.world import Answer, World

BOUNDARY = "----boundary"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"
FILE = bytes(range(256)) * 20
LABELS = {"app_name": b"Freedoom", "level_name": "E1M1 ß".encode()}


def form(fields: dict[str, bytes], file: bytes | None = FILE) -> bytes:
    parts = [(f'form-data; name="{name}"', value) for name, value in fields.items()]
    if file is not None:
        parts.append(('form-data; name="model_file"; filename="m.glb"', file))
    lines = [
        f"--{BOUNDARY}\r\nContent-Disposition: {head}\r\n\r\n".encode() + value + b"\r\n"
        for head, value in parts
    ]
    return b"".join(lines) + f"--{BOUNDARY}--\r\n".encode()


async def upload(world: World, body: Any, content_type: str = TYPE, key: str = "secret") -> Answer:
    return await world.call("/api/models", body, content_type=content_type, x_api_key=key)


@pytest.mark.parametrize("size", [7, 1000, 10**9])
async def test_a_model_is_stored_and_named_in_the_log(size: int) -> None:
    world = World()
    body = form(LABELS)
    answer = await upload(world, [body[at : at + size] for at in range(0, len(body), size)])
    model = answer.json()
    assert answer.status == 201
    assert model == {
        "id": model["id"],
        "app_id": APP,
        "app_name": "Freedoom",
        "level_name": "E1M1 ß",
        "size": len(FILE),
        "sha256": hashlib.sha256(FILE).hexdigest(),
    }
    assert world.objects.objects == {f"games/{APP}/models/{model['id']}": FILE}
    (entry,) = world.log.entries
    assert entry.kind == EntryKind.MODEL_UPLOADED
    assert json.loads(entry.body) == model | {"object": f"games/{APP}/models/{model['id']}"}


async def test_a_large_model_goes_through_in_pieces() -> None:
    world = World()
    piece = b"\x00" * (64 * 1024)

    def body() -> Any:
        head, tail = form(LABELS, b"@").split(b"@")
        yield head
        for _ in range(160):
            yield piece
        yield tail

    answer = await upload(world, body())
    assert (answer.status, answer.json()["size"]) == (201, 160 * len(piece))
    assert world.objects.pieces == 10


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (form({"app_name": b"a"}), "level_name"),
        (form({"level_name": b"a"}), "app_name"),
        (form({**LABELS, "app_name": b""}), "app_name"),
        (form({**LABELS, "app_name": b"\xff"}), "app_name"),
        (form({**LABELS, "app_name": b"a" * 1025}), "app_name"),
        (form(LABELS, None), "model_file"),
        (form(LABELS)[:-10], None),
        (b"", None),
        (b"nonsense", None),
        (form({str(n): b"" for n in range(17)}), None),
    ],
)
async def test_a_form_that_is_wrong(body: bytes, field: str | None) -> None:
    world = World()
    answer = await upload(world, body)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_payload")
    assert answer.json().get("field") == field
    assert (world.objects.objects, world.log.records, world.objects.aborted) == ({}, [], 1)


async def test_limits_types_and_keys() -> None:
    world = World()
    body = form(LABELS)
    assert (await upload(world, body, "application/msgpack")).status == 415
    assert (await upload(world, body, "multipart/form-data")).status == 400
    assert (await upload(world, body, key="token")).status == 403
    assert (await upload(world, body, key="nobody")).status == 401
    assert (await world.call("/api/models", body, content_type=TYPE)).status == 401
    announced = [("content-length", str(300 * 1024 * 1024)), ("content-type", TYPE), ("x-api-key", "secret")]
    assert (await world.call("/api/models", [b""], headers=announced)).status == 413


async def test_what_the_log_did_not_take_may_be_there() -> None:
    world = World()
    world.log.away = True
    answer = await upload(world, form(LABELS))
    assert answer.status == 503
    assert len(world.objects.objects) == 1


@patient
@given(st.binary(max_size=200), st.integers(0, 300))
async def test_damaged_forms_are_answered_in_shape(noise: bytes, at: int) -> None:
    body = form(LABELS, b"file")
    answer = await upload(World(), body[:at] + noise + body[at:])
    assert answer.status in {201, 400}


async def test_an_export_is_started_once() -> None:
    world = World()
    first = await world.call("/api/export")
    assert first.status == 202
    assert first.json()["status"] == "exporting"
    second = await world.call("/api/export")
    assert second.json() == first.json()
    (entry,) = world.log.entries
    assert (entry.kind, entry.game_id) == (EntryKind.EXPORT_STARTED, "")
    assert msgspec.json.decode(entry.body) == {"export_id": first.json()["export_id"]}
    assert await world.exports.pending() == first.json()["export_id"]


async def test_an_export_the_log_did_not_take_is_withdrawn() -> None:
    world = World()
    world.log.away = True
    assert (await world.call("/api/export")).status == 503
    assert world.exports.current is None


async def test_an_export_without_space_for_it_is_503_and_none_begins() -> None:
    world = World()
    world.objects.free = FREE_BYTES_MIN - 1
    answer = await world.call("/api/export")
    assert (answer.status, answer.json()["error"]) == (503, "unavailable")
    assert "63 MiB are left, 64 are needed" in answer.json()["message"]
    assert int(answer.headers["retry-after"]) > 0
    assert world.exports.current is None
    world.objects.free = FREE_BYTES_MIN
    assert (await world.call("/api/export")).status == 202


async def test_exports_of_a_day_are_used_up() -> None:
    world = World()
    world.exports.used_up = True
    answer = await world.call("/api/export")
    assert (answer.status, answer.json()["error"]) == (429, "rate_limited")
    assert 0 < int(answer.headers["retry-after"]) <= 86_400
    assert world.log.entries == []


@pytest.mark.parametrize("error", [ObjectStoreFull("full"), ObjectStoreError("away")])
async def test_a_model_that_cannot_be_kept_is_503(error: ObjectStoreError) -> None:
    world = World()
    world.objects.fails = error
    answer = await upload(world, form(LABELS, b"file"))
    assert (answer.status, answer.json()["error"]) == (503, "unavailable")
    assert "nothing was kept" in answer.json()["message"]
    assert int(answer.headers["retry-after"]) > 0
    assert world.log.entries == []
