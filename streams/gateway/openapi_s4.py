"""S4 as OpenAPI, MessagePack bodies included: the examples are the reference's."""

from __future__ import annotations

from typing import Any, Final

from schemas.identifiers import ID_CHARACTERS_MAX, NAME_CHARACTERS_MAX
from schemas.telemetry.s4 import ITEMS_MAX
from schemas.telemetry.s4_item import TRAJECTORY_POINTS_MAX
from streams.gateway.openapi_parts import (
    NUMBERS,
    OPTIONAL_TEXT,
    TEXT,
    TIME,
    Json,
    answer,
    document,
    object_schema,
)

_APP: Final = "72ab8f81-ef36-4712-a046-399a62b9afaa"
_COMMON: Final[Json] = {"app_id": _APP, "build_id": "Win64_Shipping_1.0.2", "player_id": "player_uuid"}
_IN_SESSION: Final[Json] = {**_COMMON, "session_id": "session_uuid"}
EXAMPLES: Final[dict[str, Json]] = {
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


def _error(code: str, description: str, **more: Any) -> Json:
    headers = {"Retry_After": "Seconds to wait"} if code in {"rate_limited", "unavailable"} else {}
    return answer(description, "Error", {"error": code, "message": description, **more}, **headers)


def _errors(*statuses: int) -> Json:
    known = {
        400: _error(
            "invalid_payload",
            "Invalid payload; index and field name the first bad item",
            index=3,
            field="positions",
        ),
        401: _error("unauthorized", "Missing or invalid token or key"),
        403: _error("app_scope_mismatch", "An item of another application, or a key without this right"),
        408: _error("request_timeout", "The body did not arrive in time"),
        413: _error("payload_too_large", "The body is over its limit"),
        415: _error("unsupported_media_type", "This content type or encoding is not accepted"),
        429: _error("rate_limited", "Too many requests from this source IP"),
        501: _error("sql_unavailable", "Disabled by design"),
        503: _error("unavailable", "The log or a store is away; whether it happened is not known"),
    }
    return {str(status): known[status] for status in statuses}


def s4_document() -> Json:
    """S4: ingest with its aliases, models, export, sql/select."""
    kinds = [
        {"$ref": f"#/components/schemas/{name}"}
        for name in ("Player", "FunnelStep", "GameplayEvent", "Trajectory")
    ]
    body = {
        "anyOf": [
            {"anyOf": kinds},
            {"type": "array", "minItems": 1, "maxItems": ITEMS_MAX, "items": {"anyOf": kinds}},
        ]
    }
    examples: Json = {name: {"summary": name, "value": value} for name, value in EXAMPLES.items()}
    examples["batch"] = {"summary": "a batch of all kinds", "value": list(EXAMPLES.values())}
    paths: Json = {}
    for name, note in (
        ("events", "Any kind of event, one or a list"),
        ("player", "Alias of /api/events"),
        ("funnel", "Alias of /api/events"),
        ("realtime", "Alias of /api/events"),
    ):
        paths[f"/api/{name}"] = {
            "post": {
                "operationId": f"ingest_{name}",
                "summary": note,
                "description": "All or nothing: one bad item refuses the batch. Answered when the log has "
                "it. At most 4 MiB after decompression; Content-Encoding: gzip is accepted.",
                "tags": ["ingest"],
                "security": [{"publicToken": []}, {"legacyToken": []}],
                "requestBody": {
                    "required": True,
                    "content": {"application/msgpack": {"schema": body, "examples": examples}},
                },
                "responses": {
                    "200": answer("Queued", "Queued", {"status": "queued"}),
                    **_errors(400, 401, 403, 408, 413, 415, 429, 503),
                },
            }
        }
    protected: list[Json] = [{"secretKey": []}, {"bearer": []}]
    paths["/api/models"] = {
        "post": {
            "operationId": "upload_model",
            "summary": "Upload a level's model, at most 256 MiB",
            "tags": ["protected"],
            "security": protected,
            "requestBody": {
                "required": True,
                "content": {"multipart/form-data": {"schema": {"$ref": "#/components/schemas/ModelForm"}}},
            },
            "responses": {
                "201": answer(
                    "Stored",
                    "Model",
                    {
                        "id": "5f0c…",
                        "app_id": _APP,
                        "app_name": "Freedoom",
                        "level_name": "E1M1",
                        "size": 4000,
                        "sha256": "9f86…",
                    },
                ),
                **_errors(400, 401, 403, 408, 413, 415, 429, 503),
            },
        }
    }
    paths["/api/export"] = {
        "post": {
            "operationId": "start_export",
            "summary": "Start an NDJSON export of what was accepted since the previous one",
            "description": "Needs no key and returns no data: the files land in each game's object "
            "store. During a run, or within a minute of the last start, the answer is that run's.",
            "tags": ["protected"],
            "security": [],
            "responses": {
                "202": answer("Exporting", "Export", {"status": "exporting", "export_id": "0b9d…"}),
                **_errors(503),
            },
        }
    }
    paths["/api/sql/select"] = {
        "post": {
            "operationId": "sql_select",
            "summary": "Disabled by design",
            "tags": ["protected"],
            "security": protected,
            "responses": _errors(401, 403, 429, 501, 503),
        }
    }
    return document(
        "Telemetry ingest (S4)", "MessagePack events, models and export for games.", paths, _components()
    )


def _components() -> Json:
    an_id: Json = {**TEXT, "maxLength": ID_CHARACTERS_MAX}
    a_name: Json = {**TEXT, "maxLength": NAME_CHARACTERS_MAX}
    identity: Json = {"app_id": TEXT, "build_id": a_name, "player_id": an_id}
    session: Json = {**identity, "session_id": an_id}
    custom: Json = {"description": "Any value: at most 16 levels deep, 256 entries a map, finite numbers"}
    fps: Json = {key: {"type": ["number", "null"]} for key in ("mean", "low_5", "low_1")}
    return {
        "securitySchemes": {
            "publicToken": {"type": "apiKey", "in": "header", "name": "x-public-token"},
            "legacyToken": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            "secretKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            "bearer": {"type": "http", "scheme": "bearer"},
        },
        "schemas": {
            "Player": object_schema(
                ["event_name", *identity, "timestamp"],
                {
                    "event_name": {"const": "Create_Player"},
                    **identity,
                    "region": OPTIONAL_TEXT,
                    "hardware": {"type": ["object", "null"]},
                    "timestamp": TIME,
                },
            ),
            "FunnelStep": object_schema(
                ["funnel_step_name", *session, "timestamp"],
                {"funnel_step_name": a_name, **session, "level_id": OPTIONAL_TEXT, "timestamp": TIME},
            ),
            "GameplayEvent": object_schema(
                ["event_name", *session, "timestamp"],
                {
                    "event_name": a_name,
                    **session,
                    "level_id": OPTIONAL_TEXT,
                    "position": {"anyOf": [{**NUMBERS, "minItems": 2, "maxItems": 3}, {"type": "null"}]},
                    "custom_data": custom,
                    "input_method": OPTIONAL_TEXT,
                    "timestamp": TIME,
                },
            ),
            "Trajectory": object_schema(
                [*session, "positions", "timestamp_start", "timestamp_end"],
                {
                    **session,
                    "level_id": OPTIONAL_TEXT,
                    "status": OPTIONAL_TEXT,
                    "input_method": OPTIONAL_TEXT,
                    "fps": {"anyOf": [object_schema([], fps), {"type": "null"}]},
                    "positions": {
                        **NUMBERS,
                        "maxItems": 3 * TRAJECTORY_POINTS_MAX,
                        "description": "Flat: x, y, z, x, y, z, …; its length is a multiple of 3",
                    },
                    "timestamp_start": TIME,
                    "timestamp_end": TIME,
                },
            ),
            "Queued": object_schema(["status"], {"status": {"const": "queued"}}),
            "Error": object_schema(
                ["error", "message"],
                {
                    "error": {"type": "string"},
                    "message": {"type": "string"},
                    "index": {"type": ["integer", "null"]},
                    "field": {"type": ["string", "null"]},
                },
            ),
            "ModelForm": object_schema(
                ["app_name", "level_name", "model_file"],
                {
                    "app_name": {**TEXT, "maxLength": 250},
                    "level_name": {**TEXT, "maxLength": 250},
                    "model_file": {"type": "string", "format": "binary"},
                },
            ),
            "Model": object_schema(
                ["id", "app_id", "app_name", "level_name", "size", "sha256"],
                {
                    **{
                        name: {"type": "string"}
                        for name in ("id", "app_id", "app_name", "level_name", "sha256")
                    },
                    "size": {"type": "integer", "minimum": 0},
                },
            ),
            "Export": object_schema(
                ["status", "export_id"], {"status": {"const": "exporting"}, "export_id": {"type": "string"}}
            ),
        },
    }
