"""S1's writes as routes: telemetry and feedback."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from schemas.edge.openapi import Document, Refusal
from schemas.edge.ports import KeyKind
from schemas.edge.routes import Answer, Body, Route
from schemas.edge.zod import Error
from schemas.telemetry.s1_batch import BODY_BYTES_MAX, EVENTS_MAX, Batch, Event, Metadata, SentSource
from schemas.telemetry.s1_feedback import Feedback
from schemas.telemetry.values import Finite, Properties

BATCH: Final[dict[str, Any]] = {
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
FEEDBACK: Final[dict[str, Any]] = {
    "gameId": "doom",
    "sessionId": "sess_mp4nv055s6oepmc6",
    "deviceId": "device_e9c0abcd",
    "formId": "ff_session",
    "submissionId": "sub_1",
    "answers": [{"fieldId": "q1", "value": 5}, {"fieldId": "q2", "value": "The lava room"}],
}


class Accepted(msgspec.Struct):
    """How many events were sent, repeats included."""

    ok: Literal[True]
    accepted: int


class Ok(msgspec.Struct):
    """It is stored."""

    ok: Literal[True]


_ISSUE: Final = {"code": "invalid_type", "path": ["events", 0, "t"], "message": "Required"}
DOCUMENT: Final = Document(
    title="Telemetry ingest (S1)",
    description="JSON events and player feedback.",
    credentials={
        KeyKind.INGEST: {"ingestKey": {"type": "http", "scheme": "bearer", "description": "pl_ik_…"}}
    },
    error=Error,
    refusals={
        400: Refusal("Invalid payload", {"error": "Invalid payload", "issues": [_ISSUE]}),
        401: Refusal("No key, or none we know", {"error": "Missing bearer token"}),
        403: Refusal("A management key", {"error": "Wrong key scope", "requiredScope": "ingest"}),
        404: Refusal("No such game in this account", {"error": "unknown game"}),
        408: Refusal("The body did not arrive in time", {"error": "Request timeout"}),
        413: Refusal("Over 1 MiB", {"error": "Payload too large"}),
        415: Refusal("This content encoding is not accepted", {"error": "Unsupported media type"}),
        429: Refusal(
            "Over the limit of this source IP",
            {"error": "Rate limit exceeded", "retryAfterMs": 4823, "scope": "ip"},
        ),
        500: Refusal("A defect of ours", {"error": "Internal error"}),
        503: Refusal("The log is away; whether it happened is not known", {"error": "Service unavailable"}),
    },
    said=((Properties, {"type": "object", "maxProperties": 256}), (Finite, {"type": "number"})),
    fields={
        ("Batch", "metadata"): Metadata | None,
        ("Batch", "source"): SentSource | None,
        ("Batch", "events"): Annotated[list[Event], Meta(max_length=EVENTS_MAX)] | None,
    },
)
_KEYS: Final = frozenset({KeyKind.INGEST})
ROUTES: Final = (
    Route(
        name="telemetry",
        method="POST",
        template="/api/telemetry",
        operation_id="ingest_telemetry",
        summary="Send a session's events; re-sending never counts twice",
        tag="ingest",
        keys=_KEYS,
        body=Body(kinds=(Batch,), bytes_max=BODY_BYTES_MAX, examples={"batch": BATCH}),
        answers=(
            Answer(
                status=202,
                kind=Accepted,
                description="Accepted, repeats included",
                example={"ok": True, "accepted": 2},
            ),
        ),
        errors=(403, 404),
    ),
    Route(
        name="feedback",
        method="POST",
        template="/api/telemetry/feedback",
        operation_id="ingest_feedback",
        summary="Send a player's answers to a feedback form; a repeated submissionId counts once",
        tag="ingest",
        keys=_KEYS,
        body=Body(kinds=(Feedback,), bytes_max=BODY_BYTES_MAX, examples={"feedback": FEEDBACK}),
        answers=(Answer(status=201, kind=Ok, description="Stored", example={"ok": True}),),
        errors=(403, 404),
    ),
)
