"""One example answer for each read, in the reference's words."""

from __future__ import annotations

from typing import Any, Final

GAME: Final = {
    "id": "game_abc123",
    "userId": "studio_xyz",
    "name": "Necromancer's Army",
    "slug": "necromancers-army",
    "createdAt": 1778714850693,
}
SESSION: Final = {
    "id": "sess_mp4nv055s6oepmc6",
    "gameId": "game_abc123",
    "userId": "studio_xyz",
    "title": "Demo build 0.4.9, first run",
    "source": "unity-telemetry",
    "status": "analyzed",
    "recordedAt": 1778714850693,
    "duration": 1754,
    "deviceId": "device_e9c0abcd",
    "testerHandle": "device_e9c0abcd",
    "transcript": None,
    "metadata": {"gameVersion": "0.4.9", "environment": "production", "platform": "Win64"},
}
FULL_SESSION: Final = {
    **SESSION,
    "firstEventAt": 1778714850793,
    "lastEventAt": 1778716604793,
    "activeSec": 1245,
    "engagementRate": 0.71,
    "country": "US",
    "region": "CA",
    "city": "San Francisco",
    "eventCounts": {"player_pos": 1842, "level_completed": 2},
    "feedback": [
        {
            "formId": "ff_session",
            "submissionId": "sub_1",
            "submittedAt": 1778716610000,
            "answers": [{"fieldId": "q1", "value": 4}],
        }
    ],
}
INSIGHT: Final = {
    "id": "ins_5b0c",
    "sessionId": "sess_mp4nv055s6oepmc6",
    "gameId": "game_abc123",
    "deviceId": "device_e9c0abcd",
    "type": "stuck-point",
    "sentiment": "negative",
    "confidence": 0.81,
    "evidence": "Player retried act2_door 6 times.",
    "eventIds": ["0-118-4"],
    "place": "act2_door",
    "tag": "act2-door-stuck",
    "createdAt": 1778716598400,
}
STATS: Final = {
    "totalWallSec": 312_400,
    "totalActiveSec": 221_804,
    "avgWallSec": 7_438,
    "avgActiveSec": 5_281,
    "medianWallSec": 6_120,
    "medianActiveSec": 4_390,
    "engagementRate": 0.71,
}
SEEN: Final = {"firstSeen": 1778714850693, "lastSeen": 1779314850693}
GAMES: Final[dict[str, Any]] = {"games": [GAME]}
GAME_WITH_COUNTS: Final = {"game": GAME, "counts": {"sessionCount": 137, "buildCount": 4, "testerCount": 29}}
SESSIONS: Final = {"items": [SESSION], "hasMore": True, "total": 137}
SESSION_WITH_INSIGHTS: Final = {"session": FULL_SESSION, "insights": [INSIGHT]}
INSIGHTS: Final = {"items": [INSIGHT], "hasMore": False, "total": 42}
BUILD: Final = {
    "game": GAME,
    "rollup": {
        "version": "0.4.9",
        "sessionCount": 42,
        "uniqueDevices": 17,
        **SEEN,
        "stats": STATS,
        "sampleCountry": "US",
    },
    "summary": None,
    "ruleSummary": {
        "narrative": "42 sessions by 17 testers, 3,697 minutes active. Friction: act2-door-stuck (7)."
    },
}
TESTER: Final = {
    "game": GAME,
    "rollup": {
        "deviceId": "device_e9c0abcd",
        "sessionCount": 6,
        **SEEN,
        "stats": STATS,
        "lastBuild": "0.4.9",
        "country": "US",
        "region": "CA",
        "city": "San Francisco",
    },
    "sessions": [SESSION],
    "summary": None,
    "ruleSummary": {
        "narrative": "6 sessions by 1 tester, 499 minutes active. Friction: act2-door-stuck (1)."
    },
}
HEATMAP: Final = {
    "game": GAME,
    "rooms": [
        {
            "room": "act2_corridor",
            "cellsX": 32,
            "cellsY": 18,
            "cells": [{"x": 14, "y": 7, "intensity": 1.0}, {"x": 15, "y": 7, "intensity": 0.62}],
            "totalEvents": 1842,
            "bounds": {"xMin": -12.4, "xMax": 24.1, "yMin": -3.0, "yMax": 18.7},
        }
    ],
    "eventCount": 12_847,
}
EVENTS: Final = {
    "game": GAME,
    "sessionCount": 42,
    "total": 128_472,
    "byName": {"click": 81_204, "player_pos": 27_312, "level_completed": 96},
    "top": [["click", 81_204], ["player_pos", 27_312], ["level_completed", 96]],
}

EXPERIMENTS: Final = {
    "game": GAME,
    "experiments": [
        {
            "id": "exp_tutorial_v2",
            "name": "Tutorial test",
            "status": "running",
            "variants": [
                {"key": "control", "name": "Control", "allocation": 50},
                {"key": "treatment", "name": "Treatment", "allocation": 50},
            ],
            "audienceId": "aud_beta",
            "audienceName": "Beta cohort",
            "coverage": 100,
            "winnerVariantKey": None,
            "createdAt": 1779500000000,
            "startedAt": 1779600000000,
            "stoppedAt": None,
        }
    ],
}


def _variant(key: str, name: str, retained: int) -> dict[str, Any]:
    return {
        "key": key,
        "name": name,
        "allocation": 50,
        "sessionCount": 42,
        "exposures": 31,
        "retention": [
            {"day": 1, "eligible": 30, "retained": retained, "rate": retained / 30},
            {"day": 2, "eligible": 25, "retained": 10, "rate": 0.4},
            {"day": 7, "eligible": 0, "retained": 0, "rate": None},
        ],
        "engagementPct": 0.72,
        "crashRate": 0.04,
        "topFriction": [{"type": "stuck-point", "tag": "act2-door", "count": 6}],
        "topPraise": [{"type": "positive-moment", "tag": "hub", "count": 2}],
        "sampleQuotes": ["Loved the new hub."],
    }


COMPARISON: Final = {
    "comparison": {
        "experimentId": "exp_tutorial_v2",
        "gameId": "game_abc123",
        "generatedAt": 1780100000000,
        "variants": [_variant("control", "Control", 15), _variant("treatment", "Treatment", 18)],
        "srm": {"status": "insufficient", "chiSquare": None, "pValue": None},
        "rejectedTags": {"notRunning": 1, "notInAudience": 0, "wrongVariant": 2, "pinned": 1},
    },
    "digest": {
        "status": "degraded",
        "confidenceLabel": "inconclusive",
        "generatedAt": 1780100000000,
        "modelId": None,
        "digest": {
            "recommendation": "No difference in who comes back on day 1 can be told yet.",
            "perVariant": [{"key": "control", "headline": "42 sessions of 31 devices."}],
            "sharedThemes": ["act2-door"],
            "sentimentShift": [{"key": "treatment", "delta": 0.05}],
        },
    },
}
