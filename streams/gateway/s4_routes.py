"""S4's routes: ingest with its aliases, models, export, sql/select. The examples are the reference's."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from schemas.edge.limits import MODEL_BYTES_MAX
from schemas.edge.openapi import Document, Refusal
from schemas.edge.ports import KeyKind
from schemas.edge.routes import Answer, Body, Route
from schemas.telemetry.s4 import BODY_BYTES_MAX, ITEMS_MAX
from schemas.telemetry.s4_kinds import KINDS
from schemas.telemetry.values import Finite, Properties, Value

Json = dict[str, Any]

_APP: Final = "72ab8f81-ef36-4712-a046-399a62b9afaa"
_COMMON: Final[Json] = {"app_id": _APP, "build_id": "Win64_Shipping_1.0.2", "player_id": "player_uuid"}
_IN_SESSION: Final[Json] = {**_COMMON, "session_id": "session_uuid"}
ITEMS: Final[dict[str, Json]] = {
    "player": {
        "event_name": "Create_Player",
        **_COMMON,
        "region": "EU-West",
        "hardware": {"gpu": "RTX 4090", "ram": "32GB"},
        "timestamp": "2026-02-12T10:00:00Z",
    },
    "funnel_step": {
        "funnel_step_name": "Tutorial_Start",
        **_IN_SESSION,
        "level_id": "Training_Grounds",
        "timestamp": "2026-02-12T10:00:00Z",
    },
    "gameplay": {
        "event_name": "Player_Jump",
        **_IN_SESSION,
        "level_id": "Level_1",
        "position": [10.5, 0.0, -5.2],
        "custom_data": {"weapon": "Sword", "ammo": 10},
        "input_method": "Gamepad",
        "timestamp": "2026-02-12T10:00:00Z",
    },
    "trajectory": {
        **_IN_SESSION,
        "status": "Gameplay",
        "input_method": "Gamepad",
        "fps": {"mean": 60, "low_5": 55, "low_1": 30},
        "positions": [10.0, 0.0, 1.0, 10.1, 0.0, 1.1, 10.2, 0.0, 1.2],
        "timestamp_start": "2026-02-12T10:00:00Z",
        "timestamp_end": "2026-02-12T10:00:05Z",
    },
}
"""One item of each kind."""

Label = Annotated[str, Meta(min_length=1, max_length=250)]


class Error(msgspec.Struct):
    """S4's error body; `index` and `field` name the first bad item."""

    error: str
    message: str
    index: int | None = None
    field: str | None = None


class Queued(msgspec.Struct):
    """The log has it."""

    status: Literal["queued"]


class ModelForm(msgspec.Struct):
    """A level's model, with two labels."""

    app_name: Label
    level_name: Label
    model_file: Annotated[str, Meta(extra_json_schema={"format": "binary"})]


class Model(msgspec.Struct):
    """A model that is stored."""

    id: str
    app_id: str
    app_name: str
    level_name: str
    size: Annotated[int, Meta(ge=0)]
    sha256: str


class Export(msgspec.Struct):
    """The export that now is on."""

    status: Literal["exporting"]
    export_id: str


def _refusal(code: str, description: str, **more: Any) -> Refusal:
    return Refusal(description, {"error": code, "message": description, **more})


_FORBIDDEN: Final = "An item of another application, or a key without this right"
DOCUMENT: Final = Document(
    title="Telemetry ingest (S4)",
    description="MessagePack events, models and export for games.\n\n"
    "[The console](/docs/console) sends MessagePack; the forms of an OpenAPI viewer send JSON, which is"
    " refused with 400.",
    credentials={
        KeyKind.PUBLIC_TOKEN: {
            "publicToken": {"type": "apiKey", "in": "header", "name": "x-public-token"},
            "legacyToken": {"type": "apiKey", "in": "header", "name": "x-api-key"},
        },
        KeyKind.SECRET_API: {
            "secretKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            "bearer": {"type": "http", "scheme": "bearer"},
        },
    },
    error=Error,
    refusals={
        400: _refusal(
            "invalid_payload",
            "Invalid payload; index and field name the first bad item",
            index=3,
            field="positions",
        ),
        401: _refusal("unauthorized", "Missing or invalid token or key"),
        403: _refusal("app_scope_mismatch", _FORBIDDEN),
        408: _refusal("request_timeout", "The body did not arrive in time"),
        413: _refusal("payload_too_large", "The body is over its limit"),
        415: _refusal("unsupported_media_type", "This content type or encoding is not accepted"),
        429: _refusal("rate_limited", "Too many requests from this source IP"),
        500: _refusal("internal", "A defect of ours"),
        501: _refusal("sql_unavailable", "Disabled by design"),
        503: _refusal("unavailable", "The log or a store is away; whether it happened is not known"),
    },
    said=(
        (
            Properties,
            {"type": "object", "description": "At most 256 entries, 16 levels deep, finite numbers"},
        ),
        (Value, {"description": "Any value: at most 16 levels deep, 256 entries a map, finite numbers"}),
        (Finite, {"type": "number"}),
    ),
)


def _ingest(name: str, summary: str) -> Route:
    return Route(
        name=name,
        method="POST",
        template=f"/api/{name}",
        operation_id=f"ingest_{name}",
        summary=summary,
        description="All or nothing: one bad item refuses the batch. Answered when the log has it. At most "
        "4 MiB after decompression; Content-Encoding: gzip is accepted. Try it in "
        "[the console](/docs/console), which sends MessagePack and shows the same call for curl.",
        tag="ingest",
        keys=frozenset({KeyKind.PUBLIC_TOKEN}),
        body=Body(
            kinds=KINDS,
            items_max=ITEMS_MAX,
            bytes_max=BODY_BYTES_MAX,
            content_type="application/msgpack",
            examples={**ITEMS, "a_batch_of_all_kinds": list(ITEMS.values())},
        ),
        answers=(Answer(kind=Queued, description="Queued", example={"status": "queued"}),),
        errors=(403,),
    )


_MODEL: Final[Json] = {
    "id": "5f0c…",
    "app_id": _APP,
    "app_name": "Freedoom",
    "level_name": "E1M1",
    "size": 4000,
    "sha256": "9f86…",
}
ROUTES: Final = (
    _ingest("events", "Any kind of event, one or a list"),
    _ingest("player", "Alias of /api/events"),
    _ingest("funnel", "Alias of /api/events"),
    _ingest("realtime", "Alias of /api/events"),
    Route(
        name="models",
        method="POST",
        template="/api/models",
        operation_id="upload_model",
        summary="Upload a level's model, at most 256 MiB",
        tag="protected",
        keys=frozenset({KeyKind.SECRET_API}),
        body=Body(
            kinds=(ModelForm,),
            bytes_max=MODEL_BYTES_MAX,
            content_type="multipart/form-data",
            examples={
                "obj": {"app_name": "Freedoom", "level_name": "E1M1", "model_file": "v 0 0 0\nv 64 0 0\n"}
            },
        ),
        answers=(Answer(status=201, kind=Model, description="Stored", example=_MODEL),),
        errors=(403,),
    ),
    Route(
        name="export",
        method="POST",
        template="/api/export",
        operation_id="start_export",
        summary="Start an NDJSON export of what was accepted since the previous one",
        description="Needs no key and returns no data: the files land in each game's object store. During a "
        "run, or within a minute of the last start, the answer is that run's. A day has a bounded number.",
        tag="protected",
        keys=frozenset(),
        answers=(
            Answer(
                status=202,
                kind=Export,
                description="Exporting",
                example={"status": "exporting", "export_id": "0b9d…"},
            ),
        ),
        errors=(429,),
    ),
    Route(
        name="sql_select",
        method="POST",
        template="/api/sql/select",
        operation_id="sql_select",
        summary="Disabled by design",
        tag="protected",
        keys=frozenset({KeyKind.SECRET_API}),
        answers=(),
        errors=(403, 501),
    ),
)
