"""Suggestions of fixes: what a model is told of frictions, and what stands where it says nothing. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from api.telemetry.ai_answers import Suggestion
from schemas.studio.ai_outputs import SuggestedFixes
from schemas.studio.ai_plain_text import clean, fitted
from schemas.studio.ai_requests import AiRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.telemetry.queries.suggestion_targets import Target

_EXAMPLES: Final = (12, 8, 5, 3, 1)
"""How many insights of a target are sent, while all of it fits."""
_FALLBACK_EVIDENCE: Final = 3
_DO: Final = {
    "bug-report": "Fix",
    "stuck-point": "Show a way past",
    "difficulty-spike": "Ease",
    "ui-friction": "Clear up",
    "confusion": "Explain",
    "pacing-issue": "Tighten",
    "negative-moment": "Rework",
}


def suggestion_request(
    game_id: str, model_id: str, environment: str, builds: Sequence[str], targets: Sequence[Target]
) -> AiRequest:
    """The question. `builds`: one, or the one before and the one after. No tester is named in it."""
    testers: dict[str, str] = {}
    for target in targets:
        for insight in target.insights:
            testers.setdefault(insight.tester, f"t{len(testers) + 1}")

    def document(examples: int) -> Any:
        named = {"build": clean(builds[-1])} | ({"comparedWith": clean(builds[0])} if builds[1:] else {})
        return named | {"targets": [_described(one, testers, examples) for one in targets]}

    return AiRequest(
        kind="suggestions",
        subject="\n".join((environment, *builds)),
        game_id=game_id,
        model_id=model_id,
        input=fitted(document, _EXAMPLES),
    )


def suggested(output: str) -> list[Suggestion]:
    """A checked answer as it is answered."""
    found = msgspec.json.decode(output, type=SuggestedFixes)
    return [
        Suggestion(
            title=one.title,
            rationale=one.rationale,
            evidence=one.evidence,
            confidence=one.confidence,
            tag=one.tag,
        )
        for one in found.suggestions
    ]


def by_rule(build: str, targets: Sequence[Target]) -> list[Suggestion]:
    """A template's suggestion for each target that has an insight."""
    return [
        Suggestion(
            title=f"{_DO[one.type]} {one.tag}",
            rationale=(
                f"{one.testers:,} {'tester' if one.testers == 1 else 'testers'} ({one.pct} %) of build "
                f"{clean(build)} met it."
            ),
            evidence=[insight.id for insight in one.insights[:_FALLBACK_EVIDENCE]],
            confidence=one.pct / 100,
            tag=one.tag,
        )
        for one in targets
        if one.insights
    ]


def _described(target: Target, testers: dict[str, str], examples: int) -> dict[str, Any]:
    change = {} if target.change is None else {"change": target.change}
    return {
        "tag": target.tag,
        "type": target.type,
        "testers": target.testers,
        "testersPct": target.pct,
        **change,
        "insights": [
            {"id": one.id, "tester": testers[one.tester], "text": clean(one.text)}
            for one in target.insights[:examples]
        ],
    }
