"""S1's read of variants with an ingest key, as a document of its own: games call it, studios do not."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from schemas.edge.openapi import Document, Refusal
from schemas.edge.parameters import Parameter, Text
from schemas.edge.ports import KeyKind
from schemas.edge.routes import Answer, Header, Route
from schemas.edge.zod import Error
from schemas.identifiers import ID_CHARACTERS_MAX

PATH: Final = "/api/telemetry/experiments"


_ISSUE: Final = {"code": "invalid_type", "path": ["deviceId"], "message": "Required"}
DOCUMENT: Final = Document(
    title="Experiment assignments (S1)",
    description="Which variants of experiments a player's device gets.",
    credentials={
        KeyKind.INGEST: {"ingestKey": {"type": "http", "scheme": "bearer", "description": "pl_ik_…"}}
    },
    error=Error,
    refusals={
        400: Refusal(
            "Query parameters failed validation; `issues` names them.",
            {"error": "Invalid query parameters", "issues": [_ISSUE]},
        ),
        401: Refusal("No key, or none we know", {"error": "Missing bearer token"}),
        403: Refusal("A management key", {"error": "Wrong key scope", "requiredScope": "ingest"}),
        429: Refusal(
            "Over the limit of this source IP",
            {"error": "Rate limit exceeded", "retryAfterMs": 4823, "scope": "ip"},
        ),
        500: Refusal("A defect of ours", {"error": "Internal error"}),
        503: Refusal("A store is away or behind the log", {"error": "Service unavailable"}),
    },
)


class Assignments(msgspec.Struct):
    """The variant of each running experiment that the device takes part in."""

    experiments: Annotated[dict[str, str], Meta(description="Variant key by experiment id.")]


ROUTES: Final = (
    Route(
        name="assignments",
        method="GET",
        template=PATH,
        operation_id="read_assignments",
        summary="Which variant a device gets of each running experiment of a game",
        description="The same device gets the same variant for as long as an experiment exists. Ask once a "
        "session, and send the answer as `experiments` with its telemetry. A game that is not the key's "
        "studio's answers as one in which nothing runs. A start or a stop shows within a second.",
        tag="experiments",
        keys=frozenset({KeyKind.INGEST}),
        parameters=(
            Parameter(
                name="gameId",
                kind=Text(1),
                required=True,
                description="Game id or slug.",
                example="doom",
            ),
            Parameter(
                name="deviceId",
                kind=Text(1, ID_CHARACTERS_MAX),
                required=True,
                description="Stable id of the device, as in telemetry.",
                example="dev_xyz789",
            ),
            Parameter(
                name="buildVersion",
                kind=Text(1, 64),
                description="Build, as metadata.gameVersion in telemetry; audiences of builds look at it.",
                example="0.5.0",
            ),
        ),
        answers=(
            Answer(
                kind=Assignments,
                description="Empty where nothing runs that the device takes part in",
                example={"experiments": {"exp_tutorial_v2": "treatment", "exp_hud_layout": "control"}},
                headers={"Cache-Control": Header("`private, max-age=60`: a client may keep it so long.")},
            ),
        ),
        errors=(403,),
    ),
)
