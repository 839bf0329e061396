"""The reads' part of the OpenAPI document: parameters, examples and errors of each route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from api.telemetry import answers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.telemetry.zod import Parameter

SECURITY: Final = {
    "managementKey": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "pl_mgmt_…",
        "description": "A studio's management key.",
    }
}
PATH_PARAMETERS: Final = {
    "id": ("Game id or slug.", "doom"),
    "session_id": ("Session id (sess_…).", "sess_mp4nv055s6oepmc6"),
    "game": ("Game id or slug.", "doom"),
    "version": ("metadata.gameVersion, exact match.", "0.4.9"),
    "device_id": ("Persistent anonymous device id.", "device_e9c0abcd"),
}
_ERRORS: Final = {
    400: ("Query parameters failed validation; `issues` names them.", "Invalid query parameters"),
    401: ("No bearer token, or a key that is not known here.", "Missing bearer token"),
    403: ("An ingest key; these routes need a management key.", "This endpoint needs a management key"),
    404: ("Not there, or not yours: the answer is the same.", "Game not found"),
    429: ("A bucket is empty. Waiting `retryAfterMs` always suffices.", "Rate limit exceeded"),
    500: ("A defect of ours.", "Internal error"),
    503: ("A store is away or behind the log; retry after `Retry-After` seconds.", "Service unavailable"),
}
_EXTRA: Final[dict[int, dict[str, Any]]] = {
    400: {
        "issues": [
            {
                "code": "too_small",
                "minimum": 1,
                "type": "number",
                "inclusive": True,
                "exact": False,
                "message": "Number must be greater than or equal to 1",
                "path": ["limit"],
            }
        ]
    },
    403: {"requiredScope": "management"},
    429: {"retryAfterMs": 4823, "scope": "key"},
}
_ERROR_SCHEMA: Final = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {"type": "string"},
        "issues": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "path", "message"],
                "properties": {
                    "code": {"type": "string"},
                    "path": {"type": "array", "items": {"type": "string"}},
                    "message": {"type": "string"},
                },
            },
        },
        "requiredScope": {"type": "string", "enum": ["management", "ingest"]},
        "retryAfterMs": {"type": "integer", "minimum": 0},
        "scope": {"type": "string", "enum": ["ip", "key"]},
    },
}
_REF: Final = "#/components/schemas/{name}"


def components() -> dict[str, Any]:
    """The schemas that `operation` refers to."""
    types = [
        answers.Games,
        answers.GameWithCounts,
        answers.SessionPage,
        answers.SessionWithInsights,
        answers.InsightPage,
        answers.Build,
        answers.Tester,
        answers.Heatmap,
        answers.EventCounts,
    ]
    _, schemas = msgspec.json.schema_components(types, ref_template=_REF)
    return {**schemas, "Error": _ERROR_SCHEMA}


def responses(answer: type[answers.Answer], example: dict[str, Any], *refusals: int) -> dict[int | str, Any]:
    """FastAPI's `responses`: the answer with its example, and what may be refused."""
    described: dict[int | str, Any] = {200: _response(answer.__doc__ or "", answer.__name__, example)}
    for status in sorted({*refusals, 401, 403, 429, 500, 503}):
        text, error = _ERRORS[status]
        described[status] = _response(text, "Error", {"error": error, **_EXTRA.get(status, {})})
    for status in (429, 503):
        described[status]["headers"] = {
            "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
        }
    return described


def operation(path: str, parameters: Sequence[Parameter]) -> dict[str, Any]:
    """FastAPI's `openapi_extra`: path and query parameters, and the credential."""
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    in_path = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": PATH_PARAMETERS[name][0],
            "schema": {"type": "string", "minLength": 1},
            "example": PATH_PARAMETERS[name][1],
        }
        for name in names
    ]
    return {
        "parameters": [*in_path, *(parameter.document() for parameter in parameters)],
        "security": [{"managementKey": []}],
    }


def _response(description: str, schema: str, example: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": description,
        "content": {
            "application/json": {"schema": {"$ref": _REF.format(name=schema)}, "example": example},
        },
    }
