"""Builds side by side, a tester's journey and feedback forms as routes, with an example answer of each."""

from __future__ import annotations

from typing import Any, Final

from api.telemetry import examples, journey_answers, parameters, tester_answers
from api.telemetry.sections import read_route

_HEAD_A: Final = {"version": "0.4.9", "testersInBatch": 18, "sessionCount": 42}
_HEAD_B: Final = {"version": "0.5.0", "testersInBatch": 22, "sessionCount": 51}
_COMPARE: Final[dict[str, Any]] = {
    "game": examples.GAME,
    "environment": "production",
    "buildA": {
        **_HEAD_A,
        **examples.SEEN,
        "stats": examples.STATS,
        "byTag": [
            {
                "tag": "act2-door-stuck",
                "type": "stuck-point",
                "testersWithTag": 7,
                "pct": 39,
                "insightCount": 9,
                "exampleSummaries": ["act2_door was entered or failed 6 times and never completed."],
            }
        ],
    },
    "buildB": {**_HEAD_B, **examples.SEEN, "stats": examples.STATS, "byTag": []},
    "diff": {
        "buildA": _HEAD_A,
        "buildB": _HEAD_B,
        "changes": [
            {
                "kind": "resolved",
                "tag": "act2-door-stuck",
                "deltaPct": -39,
                "pctA": 39,
                "pctB": 0,
                "testersA": 7,
                "testersB": 0,
            }
        ],
        "totals": {"resolved": 1, "gotSmaller": 0, "carriedOver": 0, "gotLarger": 0, "introduced": 0},
        "lowSample": False,
    },
}
_JOURNEY: Final[dict[str, Any]] = {
    "journey": {
        "tester": {"handle": "RedFox42", "deviceId": "device_e9c0abcd", "identityLabel": "RedFox42"},
        "game": {"id": "game_abc123", "slug": "necromancers-army", "name": "Necromancer's Army"},
        "totalSessions": 9,
        "totalActiveSec": 4280,
        "engagementTrend": "declining",
        "entries": [
            {
                "sessionId": "sess_mp4nv055s6oepmc6",
                "title": "Demo build 0.4.9, first run",
                "source": "unity-telemetry",
                "status": "analyzed",
                "build": "0.4.9",
                "environment": "production",
                "recordedAt": 1778714850693,
                "duration": 1754,
                "activeSec": 1245,
                "engagementRate": 0.71,
                "insights": [examples.INSIGHT],
                "topFriction": {
                    "insightId": "ins_5b0c",
                    "type": "stuck-point",
                    "tag": "act2-door-stuck",
                    "summary": "Player retried act2_door 6 times.",
                },
                "topPraise": None,
            }
        ],
        "summary": "9 sessions by 1 tester, 71 minutes active. Friction: act2-door-stuck (1).",
        "summarySource": "rules",
    }
}
_PROMPTS: Final[dict[str, Any]] = {
    "game": examples.GAME,
    "forms": [
        {
            "id": "ff_session",
            "name": "Session feedback",
            "fields": [
                {"id": "q1", "label": "Rating", "kind": "rating-1-5", "required": True},
                {"id": "q2", "label": "What worked?", "kind": "short-text", "required": False},
            ],
            "triggerHint": "after_session",
            "active": True,
            "responseCount": 29,
        }
    ],
}
ROUTES: Final = (
    read_route(
        "compare",
        "/builds/compare",
        "Friction of two builds side by side, and what became of it. Figures are of analyzed sessions; 404 "
        "for a build without a session in the environment. At most 2 s old (`X-Data-Age-Ms`).",
        tester_answers.Compared,
        _COMPARE,
        accepted=parameters.COMPARE,
    ),
    read_route(
        "journey",
        "/testers/{game}/{device_id}/journey",
        "One tester's sessions in order of time. `device_id` is a tester handle, else a device id. A handle "
        "stands for the sessions that sent it or whose device was linked to it, and for their devices' "
        "sessions without any. Game and tester have at most 256 characters.",
        journey_answers.Journey,
        _JOURNEY,
        accepted=parameters.JOURNEY,
    ),
    read_route(
        "prompts",
        "/games/{id}/prompts",
        "A game's feedback forms, in the order of its definition. With how often each was answered.",
        tester_answers.Forms,
        _PROMPTS,
    ),
)
