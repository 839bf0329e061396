"""S1's ingest as OpenAPI."""

from __future__ import annotations

from typing import Final

from schemas.telemetry.s1 import EVENTS_MAX, SOURCES
from streams.gateway.openapi_parts import OPTIONAL_TEXT, Json, answer, document, object_schema

BATCH_EXAMPLE: Final[Json] = {
    "gameId": "doom",
    "sessionId": "sess_mp4nv055s6oepmc6",
    "deviceId": "device_e9c0abcd",
    "source": "unity-telemetry",
    "metadata": {"gameVersion": "0.4.9", "environment": "production", "platform": "Win64"},
    "startedAt": 1778714850693,
    "events": [
        {"name": "player_pos", "t": 1778714850793, "x": 1.5, "y": 2.0, "z": 0.0, "room": "act2", "seq": 17},
        {"name": "level_completed", "t": 1778714990000, "props": {"level": "act1"}},
    ],
    "ended": False,
}
FEEDBACK_EXAMPLE: Final[Json] = {
    "gameId": "doom",
    "sessionId": "sess_mp4nv055s6oepmc6",
    "deviceId": "device_e9c0abcd",
    "formId": "ff_session",
    "submissionId": "sub_1",
    "answers": [{"fieldId": "q1", "value": 5}, {"fieldId": "q2", "value": "The lava room"}],
}


def _errors(*statuses: int) -> Json:
    issue = {"code": "invalid_type", "path": ["events", 0, "t"], "message": "Required"}
    known = {
        400: answer("Invalid payload", "Error", {"error": "Invalid payload", "issues": [issue]}),
        401: answer("No key, or none we know", "Error", {"error": "Missing bearer token"}),
        403: answer("A management key", "Error", {"error": "Wrong key scope", "requiredScope": "ingest"}),
        404: answer("No such game in this account", "Error", {"error": "unknown game"}),
        408: answer("The body did not arrive in time", "Error", {"error": "Request timeout"}),
        413: answer("Over 1 MiB", "Error", {"error": "Payload too large"}),
        415: answer("This content encoding is not accepted", "Error", {"error": "Unsupported media type"}),
        429: answer(
            "Over the limit of this source IP",
            "Error",
            {"error": "Rate limit exceeded", "retryAfterMs": 4823, "scope": "ip"},
            Retry_After="Seconds to wait",
        ),
        503: answer(
            "The log is away; whether it happened is not known",
            "Error",
            {"error": "Service unavailable"},
            Retry_After="Seconds to wait",
        ),
    }
    return {str(status): known[status] for status in statuses}


def s1_document() -> Json:
    """S1: telemetry and feedback."""
    statuses = (400, 401, 403, 404, 408, 413, 415, 429, 503)
    paths: Json = {
        "/api/telemetry": {
            "post": {
                "operationId": "ingest_telemetry",
                "summary": "Send a session's events; re-sending never counts twice",
                "tags": ["ingest"],
                "security": [{"ingestKey": []}],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {"$ref": "#/components/schemas/Batch"},
                            "example": BATCH_EXAMPLE,
                        }
                    },
                },
                "responses": {
                    "202": answer("Accepted, repeats included", "Accepted", {"ok": True, "accepted": 2}),
                    **_errors(*statuses),
                },
            }
        },
        "/api/telemetry/feedback": {
            "post": {
                "operationId": "ingest_feedback",
                "summary": "Send a player's answers to a feedback form; a repeated submissionId counts once",
                "tags": ["ingest"],
                "security": [{"ingestKey": []}],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {"$ref": "#/components/schemas/Feedback"},
                            "example": FEEDBACK_EXAMPLE,
                        }
                    },
                },
                "responses": {"201": answer("Stored", "Ok", {"ok": True}), **_errors(*statuses)},
            }
        },
    }
    return document("Telemetry ingest (S1)", "JSON events and player feedback.", paths, _components())


def _components() -> Json:
    key: Json = {"type": "string", "minLength": 1, "maxLength": 128}
    moment: Json = {"type": ["integer", "number", "string"], "description": "Unix milliseconds, or ISO 8601"}
    coordinate: Json = {"type": ["number", "null"]}
    environment: Json = {"type": ["string", "null"], "pattern": "^[a-z0-9_-]{1,64}$"}
    event = object_schema(
        ["name", "t"],
        {
            "name": {"type": "string", "minLength": 1, "maxLength": 256},
            "t": moment,
            "x": coordinate,
            "y": coordinate,
            "z": coordinate,
            "room": OPTIONAL_TEXT,
            "seq": {"type": ["integer", "null"], "format": "int64"},
            "props": {"type": ["object", "null"]},
        },
    )
    game: Json = {"type": "string", "minLength": 1, "maxLength": 120, "description": "Game id or slug"}
    batch = object_schema(
        ["gameId", "sessionId", "deviceId"],
        {
            "gameId": game,
            "sessionId": key,
            "deviceId": key,
            "source": {"enum": [*sorted(SOURCES), None]},
            "metadata": {
                "type": ["object", "null"],
                "properties": {
                    "gameVersion": OPTIONAL_TEXT,
                    "environment": environment,
                    "platform": OPTIONAL_TEXT,
                },
            },
            "title": OPTIONAL_TEXT,
            "testerHandle": OPTIONAL_TEXT,
            "experiments": {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
            "startedAt": {"type": ["integer", "number", "string", "null"]},
            "events": {
                "type": ["array", "null"],
                "maxItems": EVENTS_MAX,
                "items": {"$ref": "#/components/schemas/Event"},
            },
            "ended": {"type": ["boolean", "null"]},
        },
    )
    one_answer = object_schema(["fieldId"], {"fieldId": key, "value": {}})
    feedback = object_schema(
        ["gameId", "sessionId", "deviceId", "formId", "submissionId", "answers"],
        {
            "gameId": game,
            **dict.fromkeys(("sessionId", "deviceId", "formId", "submissionId"), key),
            "answers": {"type": "array", "maxItems": 256, "items": one_answer},
        },
    )
    error = object_schema(
        ["error"],
        {
            "error": {"type": "string"},
            "issues": {"type": "array", "items": {"type": "object"}},
            "requiredScope": {"type": "string"},
            "retryAfterMs": {"type": "integer"},
            "scope": {"type": "string"},
        },
    )
    return {
        "securitySchemes": {"ingestKey": {"type": "http", "scheme": "bearer", "description": "pl_ik_…"}},
        "schemas": {
            "Event": event,
            "Batch": batch,
            "Feedback": feedback,
            "Accepted": object_schema(
                ["ok", "accepted"], {"ok": {"const": True}, "accepted": {"type": "integer"}}
            ),
            "Ok": object_schema(["ok"], {"ok": {"const": True}}),
            "Error": error,
        },
    }
