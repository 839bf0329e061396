"""`POST /api/models`: a level model by multipart, streamed into the object store and named in the log.

Source: contract/telemetry.md. The file is hashed and stored as it arrives and never held whole; the answer
comes after the log has the upload. An upload the log does not acknowledge leaves its object behind on
purpose: the record may be there.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from typing import Final

import msgspec
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from schemas.edge.errors import Refused
from schemas.edge.limits import MODEL_BYTES_MAX
from schemas.objects import ObjectStore, ObjectWriter, new_object
from schemas.telemetry.record import EntryKind
from streams.gateway.http import ClientGone, Request, Response, json_response
from streams.gateway.s4 import limit_s4, secret_application
from streams.gateway.services import Services

FIELD_BYTES_MAX: Final = 1024
PIECE_BYTES: Final = 1024 * 1024
"""The file is stored in pieces of this size."""
PARTS_MAX: Final = 16
OVERHEAD_BYTES_MAX: Final = 64 * 1024
"""What multipart headers, boundaries and the two labels may add to the file."""
UPLOAD_TIMEOUT_S: Final = 600.0
_LABELS: Final = ("app_name", "level_name")
_FILE: Final = "model_file"


class _Form:
    """Collects a multipart body's events; `chunks` are the file's bytes not yet stored."""

    def __init__(self, boundary: bytes) -> None:
        self.labels: dict[str, bytearray] = {}
        self.chunks: list[bytes] = []
        self.file_seen = False
        self.finished = False
        self._header = bytearray()
        self._value = bytearray()
        self._disposition = b""
        self._name = ""
        self._parts = 0
        self.parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begins,
                "on_header_begin": self._header_begins,
                "on_header_field": lambda data, start, end: self._take_header(self._header, data[start:end]),
                "on_header_value": lambda data, start, end: self._take_header(self._value, data[start:end]),
                "on_header_end": self._header_ends,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._part_data,
                "on_end": self._end,
            },
        )

    def _part_begins(self) -> None:
        self._parts += 1
        if self._parts > PARTS_MAX:
            raise Refused(400, f"a form may have at most {PARTS_MAX} parts")
        self._disposition = b""

    def _header_begins(self) -> None:
        self._header.clear()
        self._value.clear()

    def _take_header(self, into: bytearray, data: bytes) -> None:
        into += data
        if len(into) > FIELD_BYTES_MAX:
            raise Refused(400, "a part's header is too long")

    def _header_ends(self) -> None:
        if bytes(self._header).strip().lower() == b"content-disposition":
            self._disposition = bytes(self._value)

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name == _FILE:
            if self.file_seen:
                raise Refused(400, f"{_FILE} came twice", field=_FILE)
            self.file_seen = True
        elif self._name in self.labels:
            raise Refused(400, f"{self._name} came twice", field=self._name)
        else:
            self.labels[self._name] = bytearray()

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._name == _FILE:
            self.chunks.append(data[start:end])
            return
        label = self.labels[self._name]
        label += data[start:end]
        if len(label) > FIELD_BYTES_MAX:
            raise Refused(400, f"{self._name} may be at most {FIELD_BYTES_MAX} bytes", field=self._name)

    def _end(self) -> None:
        self.finished = True

    def take_into(self, waiting: bytearray) -> int:
        """Move the file's bytes that came last; returns how many."""
        size = 0
        for chunk in self.chunks:
            waiting += chunk
            size += len(chunk)
        self.chunks.clear()
        return size

    def label(self, name: str) -> str:
        """A label's text. Raises `Refused` where it is missing, empty or no text."""
        value = self.labels.get(name)
        if not value:
            raise Refused(400, f"{name} is required", field=name)
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise Refused(400, f"{name} is not valid UTF-8", field=name) from None


async def upload(services: Services, objects: ObjectStore, request: Request) -> Response:
    """Store one model and answer 201 with its id, size and SHA-256."""
    credential, game = await secret_application(services, request)
    await limit_s4(services, request, game)
    form = _Form(_boundary(request))
    announced = request.content_length
    if announced is not None and announced > MODEL_BYTES_MAX + OVERHEAD_BYTES_MAX:
        raise Refused(413, f"a model may be at most {MODEL_BYTES_MAX} bytes")
    services.hold(request, credential.key_id).take(PIECE_BYTES + objects.writer_bytes)
    model_id = str(uuid.uuid4())
    key = f"games/{game.id}/models/{model_id}"
    async with new_object(objects, key) as writer:
        try:
            async with asyncio.timeout(UPLOAD_TIMEOUT_S):
                size, digest = await _store(request, form, writer)
        except TimeoutError:
            raise Refused(408, "the upload did not arrive in time") from None
        model = {
            "id": model_id,
            "app_id": game.id,
            "app_name": form.label("app_name"),
            "level_name": form.label("level_name"),
            "size": size,
            "sha256": digest,
        }
    entry = services.entry(
        EntryKind.MODEL_UPLOADED,
        request,
        studio_id=credential.studio_id,
        game_id=game.id,
        item_count=1,
        body=msgspec.json.encode(model | {"object": key}),
    )
    await services.appending.append(services.appending.partition_of(game.id, model_id), entry)
    services.metrics.accepted("s4_models", 1)
    return json_response(201, model)


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get(b"content-type", b""))
    if kind != b"multipart/form-data":
        raise Refused(415, "send multipart/form-data with app_name, level_name and model_file")
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 200:
        raise Refused(400, "the multipart boundary is missing")
    return boundary


async def _store(request: Request, form: _Form, writer: ObjectWriter) -> tuple[int, str]:
    """Stream the body through the parser into the writer; returns the file's size and SHA-256."""
    digest = hashlib.sha256()
    waiting = bytearray()
    size = received = 0
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        data = message.get("body", b"")
        more = message.get("more_body", False)
        received += len(data)
        if received > MODEL_BYTES_MAX + OVERHEAD_BYTES_MAX:
            raise Refused(413, f"a model may be at most {MODEL_BYTES_MAX} bytes")
        try:
            form.parser.write(data)
        except MultipartParseError as error:
            raise Refused(400, f"the form can't be read: {error}") from None
        size += form.take_into(waiting)
        if size > MODEL_BYTES_MAX:
            raise Refused(413, f"a model may be at most {MODEL_BYTES_MAX} bytes")
        if len(waiting) >= PIECE_BYTES or (waiting and not more):
            piece = bytes(waiting)
            waiting.clear()
            digest.update(piece)
            await writer.write(piece)
    request.body_read = True
    if not form.finished:
        raise Refused(400, "the form is cut off")
    if not form.file_seen:
        raise Refused(400, f"{_FILE} is required", field=_FILE)
    return size, digest.hexdigest()
