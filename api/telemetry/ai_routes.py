"""The reads that ask an AI as routes, with an example answer of each."""

from __future__ import annotations

from typing import Any, Final

from api.telemetry import ai_answers, examples, parameters
from api.telemetry.sections import read_route

_SUGGESTIONS: Final[dict[str, Any]] = {
    "ok": True,
    "mode": "compare-diff",
    "game": examples.GAME,
    "environment": "production",
    "a": "0.4.9",
    "b": "0.5.0",
    "suggestions": [
        {
            "title": "Surface a hint after 90 s idle in the hub",
            "rationale": "Five testers left the hub without having found the door.",
            "evidence": ["ins_5b0c"],
            "confidence": 0.82,
            "tag": "hub-stuck",
        }
    ],
    "source": "ai",
    "emptyInput": False,
}
_ARCHETYPES: Final[dict[str, Any]] = {
    "archetypes": [],
    "testerCount": 23,
    "modelId": None,
    "reason": "requires_byo_key",
}
ROUTES: Final = (
    read_route(
        "suggestions",
        "/builds/compare/suggestions",
        "Fixes for the friction of one build, or for what is still there after another. Give `build`, or `a` "
        "and `b`. Needs a chat key of the studio's own, else 402. Where the model declines, fails, takes "
        "over 20 s or the month's tokens are used up, `source` is `fallback`, and `reason` says which. 10 a "
        "minute for each key, archetypes included.",
        ai_answers.Suggestions,
        _SUGGESTIONS,
        accepted=parameters.SUGGESTIONS,
        errors=(402, 403, 404),
    ),
    read_route(
        "archetypes",
        "/testers/{game}/archetypes",
        "Groups of testers whose summaries are alike, of the 500 analyzed last. Needs an embedding key of "
        "the studio's own, else `reason` is `requires_byo_key`; with a chat key too, labels are the model's. "
        "10 a minute for a key, suggestions included.",
        ai_answers.Archetypes,
        _ARCHETYPES,
        accepted=parameters.ARCHETYPES,
    ),
)
