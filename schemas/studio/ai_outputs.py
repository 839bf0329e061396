"""What a model answers, by kind: the schema it is asked by, and the check that its answer passes. Pure.

An answer that does not pass is asked for once more, and is none then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from schemas.rounding import half_up_to
from schemas.studio.ai_plain_text import plain_text
from schemas.studio.ai_requests import AiKind

SUGGESTIONS_MAX: Final = 8
TITLE_MAX: Final = 120
RATIONALE_MAX: Final = 600
NARRATIVE_MAX: Final = 1_200
LABEL_MAX: Final = 60
HEADLINE_MAX: Final = 300
RECOMMENDATION_MAX: Final = 600
THEME_MAX: Final = 120
THEMES_MAX: Final = 5
_MILLION: Final = 1_000_000

Text = Annotated[str, Meta(min_length=1)]
Kept = Annotated[float, Meta(ge=0, le=1)]


class SuggestedFix(msgspec.Struct, frozen=True, kw_only=True):
    """A fix, and the insights that it rests on."""

    title: Text
    rationale: Text
    evidence: Annotated[list[str], Meta(min_length=1)]
    confidence: Kept
    tag: str


class SuggestedFixes(msgspec.Struct, frozen=True, kw_only=True):
    """In the model's order."""

    suggestions: Annotated[list[SuggestedFix], Meta(min_length=1)]


class Narrative(msgspec.Struct, frozen=True, kw_only=True):
    """A summary."""

    narrative: Text


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster's name."""

    id: str
    label: Text


class Labels(msgspec.Struct, frozen=True, kw_only=True):
    """Of clusters."""

    labels: list[Label]


class VariantHeadline(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence about a variant."""

    key: str
    headline: Text


class DigestWords(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a model says of a comparison; its figures are computed."""

    recommendation: Text
    per_variant: list[VariantHeadline]
    shared_themes: list[str]


class OutputRefused(ValueError):
    """A model's answer that may not come out; the message says why, and none of it."""


def output_schema(kind: AiKind) -> dict[str, Any]:
    """JSON Schema, strict: every field is required, and there are no others."""
    return _SCHEMAS[kind]


def checked_output(kind: AiKind, given: str, text: str) -> str:
    """The answer to the input `given`, as it is kept: JSON of the kind's struct. Raises OutputRefused."""
    try:
        return msgspec.json.encode(_CHECKS[kind](given, text)).decode()
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise OutputRefused("the answer is not as its schema says") from None


def _suggestions(given: str, text: str) -> SuggestedFixes:
    found = msgspec.json.decode(text, type=SuggestedFixes)
    sent = msgspec.json.decode(given)
    tags = {target["tag"]: target for target in sent["targets"]}
    ids = {insight["id"] for target in sent["targets"] for insight in target["insights"]}
    kept = []
    for one in found.suggestions[:SUGGESTIONS_MAX]:
        if one.tag not in tags:
            raise OutputRefused("a tag that was not sent")
        if not ids.issuperset(one.evidence):
            raise OutputRefused("an insight that was not sent")
        kept.append(
            SuggestedFix(
                title=_plain(one.title, TITLE_MAX, given),
                rationale=_plain(one.rationale, RATIONALE_MAX, given),
                evidence=list(dict.fromkeys(one.evidence)),
                confidence=half_up_to(round(one.confidence * _MILLION), _MILLION, 2),
                tag=one.tag,
            )
        )
    return SuggestedFixes(suggestions=kept)


def _narrative(given: str, text: str) -> Narrative:
    found = msgspec.json.decode(text, type=Narrative)
    return Narrative(narrative=_plain(found.narrative, NARRATIVE_MAX, given))


def _labels(given: str, text: str) -> Labels:
    found = msgspec.json.decode(text, type=Labels)
    sent = [cluster["id"] for cluster in msgspec.json.decode(given)["clusters"]]
    if sorted(one.id for one in found.labels) != sorted(sent):
        raise OutputRefused("not a label for each cluster that was sent")
    return Labels(
        labels=[Label(id=one.id, label=_plain(one.label, LABEL_MAX, given)) for one in found.labels]
    )


def _digest(given: str, text: str) -> DigestWords:
    found = msgspec.json.decode(text, type=DigestWords)
    sent = [variant["key"] for variant in msgspec.json.decode(given)["variants"]]
    lines = {one.key: one.headline for one in found.per_variant}
    if sorted(lines) != sorted(sent) or len(lines) != len(found.per_variant):
        raise OutputRefused("not a headline for each variant")
    return DigestWords(
        recommendation=_plain(found.recommendation, RECOMMENDATION_MAX, given),
        per_variant=[
            VariantHeadline(key=key, headline=_plain(lines[key], HEADLINE_MAX, given)) for key in sent
        ],
        shared_themes=[_plain(one, THEME_MAX, given) for one in found.shared_themes[:THEMES_MAX]],
    )


def _plain(text: str, characters_max: int, given: str) -> str:
    plain = plain_text(text, characters_max, given)
    if plain is None:
        raise OutputRefused("a text with a link, a tag, an order or an id that was not sent")
    return plain


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


_STRING: Final = {"type": "string"}
_SUMMARY: Final = _object(narrative=_STRING)
_FIX: Final = _object(
    title=_STRING, rationale=_STRING, evidence=_list(_STRING), confidence={"type": "number"}, tag=_STRING
)
_SCHEMAS: Final[dict[AiKind, dict[str, Any]]] = {
    "suggestions": _object(suggestions=_list(_FIX)),
    "build-summary": _SUMMARY,
    "tester-summary": _SUMMARY,
    "chat-test": _SUMMARY,
    "archetype-labels": _object(labels=_list(_object(id=_STRING, label=_STRING))),
    "experiment-digest": _object(
        recommendation=_STRING,
        perVariant=_list(_object(key=_STRING, headline=_STRING)),
        sharedThemes=_list(_STRING),
    ),
}
_CHECKS: Final[dict[AiKind, Callable[[str, str], msgspec.Struct]]] = {
    "suggestions": _suggestions,
    "build-summary": _narrative,
    "tester-summary": _narrative,
    "chat-test": _narrative,
    "archetype-labels": _labels,
    "experiment-digest": _digest,
}
