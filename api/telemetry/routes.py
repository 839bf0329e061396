"""S1's reads as routes: the nine of the Management API, with an example answer of each."""

from __future__ import annotations

from typing import Final

from api.telemetry import answers, examples, parameters, session_answers
from api.telemetry.sections import read_route as _read
from schemas.edge.openapi import Document, Refusal
from schemas.edge.parameters import Parameter, Text
from schemas.edge.ports import KeyKind
from schemas.edge.zod import Error, too_small

_DESCRIPTION: Final = """Sessions, insights, builds, testers, heatmaps and event counts of playtests.

Every route takes a management key: `Authorization: Bearer pl_mgmt_…`. Errors are `{error, …extra}`."""


def _name(name: str, description: str, example: str) -> Parameter:
    return Parameter(name=name, place="path", kind=Text(1), description=description, example=example)


_KEY: Final = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "pl_mgmt_…",
    "description": "A studio's management key.",
}
_ISSUE: Final = too_small(["limit"], "number", 1, "be greater than or equal to 1")
DOCUMENT: Final = Document(
    title="S1 Management API",
    description=_DESCRIPTION,
    credentials={KeyKind.MANAGEMENT: {"managementKey": _KEY}},
    error=Error,
    refusals={
        400: Refusal(
            "Query parameters failed validation; `issues` names them.",
            Error(error="Invalid query parameters", issues=[_ISSUE]),
        ),
        401: Refusal(
            "No bearer token, or a key that is not known here.", Error(error="Missing bearer token")
        ),
        402: Refusal(
            "An AI is asked, and the studio has given it no key.",
            Error(error="This read needs an AI key of your own", ok=False, requires_premium=True),
        ),
        403: Refusal(
            "An ingest key; these routes need a management key.",
            Error(error="This endpoint needs a management key", required_scope="management"),
        ),
        404: Refusal("Not there, or not yours: the answer is the same.", Error(error="Game not found")),
        429: Refusal(
            "A bucket is empty. Waiting `retryAfterMs` always suffices.",
            Error(error="Rate limit exceeded", retry_after_ms=4823, scope="key"),
        ),
        500: Refusal("A defect of ours.", Error(error="Internal error")),
        503: Refusal(
            "A store is away or behind the log; retry after `Retry-After` seconds.",
            Error(error="Service unavailable"),
        ),
    },
    names={
        parameter.name: parameter
        for parameter in (
            _name("id", "Game id or slug.", "doom"),
            _name("session_id", "Session id (sess_…).", "sess_mp4nv055s6oepmc6"),
            _name("game", "Game id or slug.", "doom"),
            _name("version", "metadata.gameVersion, exact match.", "0.4.9"),
            _name("experiment_id", "Experiment id (exp_…).", "exp_tutorial_v2"),
            _name("device_id", "Persistent anonymous device id.", "device_e9c0abcd"),
            _name("batch_id", "Id of a key batch (ptb_…).", "ptb_press"),
        )
    },
)


ROUTES: Final = (
    _read(
        "games",
        "/games",
        "List every game of the key's studio. Oldest first.",
        answers.Games,
        examples.GAMES,
        errors=(403,),
    ),
    _read(
        "game",
        "/games/{id}",
        "One game by id or slug, with its counts of sessions, builds and testers.",
        answers.GameWithCounts,
        examples.GAME_WITH_COUNTS,
    ),
    _read(
        "sessions",
        "/sessions",
        "A page of sessions across the studio's games. Newest recordedAt first, then by id.",
        session_answers.SessionPage,
        examples.SESSIONS,
        accepted=parameters.SESSIONS,
    ),
    _read(
        "session",
        "/sessions/{session_id}",
        "One session with its feedback and every insight attached to it.",
        session_answers.SessionWithInsights,
        examples.SESSION_WITH_INSIGHTS,
    ),
    _read(
        "insights",
        "/insights",
        "A page of insights across the studio's sessions. Newest first, then by id.",
        session_answers.InsightPage,
        examples.INSIGHTS,
        accepted=parameters.INSIGHTS,
    ),
    _read(
        "build",
        "/builds/{game}/{version}",
        "Rollup of one build of a game. All environments where `env` is absent.",
        answers.Build,
        examples.BUILD,
        accepted=parameters.BUILDS,
    ),
    _read(
        "tester",
        "/testers/{game}/{device_id}",
        "Rollup of one device in a game, with its sessions. All environments where `env` is absent.",
        session_answers.Tester,
        examples.TESTER,
        accepted=parameters.TESTERS,
    ),
    _read(
        "heatmap",
        "/heatmaps/{game}",
        "Density grids of where players were, room by room. At most a few seconds old (`X-Data-Age-Ms`).",
        answers.Heatmap,
        examples.HEATMAP,
        accepted=parameters.HEATMAPS,
    ),
    _read(
        "events",
        "/events/{game}",
        "How often each event name occurred in a game's sessions. A few seconds old (`X-Data-Age-Ms`).",
        answers.EventCounts,
        examples.EVENTS,
        accepted=parameters.EVENTS,
    ),
)
