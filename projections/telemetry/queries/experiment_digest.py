"""What rules say of a comparison, as the text that stands where no model made one (`degraded`). Pure.

Source: the analytics contract, "`experiments/{id}/comparison`": label and shift are computed, whichever model
writes the text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from projections.telemetry.queries.statistics import Label, Srm, confidence, srm
from schemas.rounding import half_up, half_up_to
from schemas.studio.ai_outputs import DigestWords
from schemas.studio.ai_plain_text import clean, fitted
from schemas.studio.ai_requests import AiRequest
from schemas.studio.experiments import Digest, DigestText, Headline, Shift

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.telemetry.queries.comparison import Comparison, VariantFigures
    from schemas.studio.ai_requests import AiAnswer
    from schemas.studio.experiments import ExperimentDefinition, Variant

LABEL_DAY = 1
"""The day whose retention the label is about."""


def srm_of(comparison: Comparison, variants: Sequence[Variant]) -> Srm:
    """Whether the exposures fit the allocations of the definition's variants."""
    return srm([one.exposures for one in comparison.variants], [variant.allocation for variant in variants])


def label_of(comparison: Comparison, found: Srm) -> Label:
    """How sure a difference in who comes back on day 1 is."""
    return confidence([_first_day(one) for one in comparison.variants], found.status)


def sentiment_shift(comparison: Comparison) -> list[Shift]:
    """Praise's share of praise and friction, minus the baseline's, 4 places, of each variant but it."""
    baseline, *others = comparison.variants
    return [Shift(key=one.key, delta=_shift(one, baseline)) for one in others]


def rule_digest(comparison: Comparison, variants: Sequence[Variant]) -> Digest:
    """The text of rules, made at the time of the comparison."""
    found = srm_of(comparison, variants)
    label = label_of(comparison, found)
    text = DigestText(
        recommendation=_recommendation(comparison, found, label),
        per_variant=[Headline(key=one.key, headline=_headline(one)) for one in comparison.variants],
        shared_themes=_shared_themes(comparison),
        sentiment_shift=sentiment_shift(comparison),
    )
    return Digest(
        status="degraded",
        confidence_label=label,
        generated_at=comparison.generated_at_ms,
        model_id=None,
        digest=text,
    )


def digest_request(
    comparison: Comparison, experiment: ExperimentDefinition, *, game_id: str, model_id: str
) -> AiRequest:
    """What a model is asked about a comparison. Quotes are data, and no tester is named."""
    found = srm_of(comparison, experiment.variants)
    names = {variant.key: variant.name for variant in experiment.variants}

    def document(examples: int) -> Any:
        return {
            "experiment": clean(experiment.name),
            "confidence": label_of(comparison, found),
            "sampleRatio": found.status,
            "variants": [_described(one, names[one.key], examples) for one in comparison.variants],
        }

    return AiRequest(
        kind="experiment-digest",
        subject=experiment.id,
        game_id=game_id,
        model_id=model_id,
        input=fitted(document, (5, 3, 1, 0)),
    )


def worded(rules: Digest, answer: AiAnswer) -> Digest:
    """A digest in a model's words: label, shifts and time are those that were computed."""
    words = msgspec.json.decode(answer.output, type=DigestWords)
    text = DigestText(
        recommendation=words.recommendation,
        per_variant=[Headline(key=one.key, headline=one.headline) for one in words.per_variant],
        shared_themes=words.shared_themes,
        sentiment_shift=rules.digest.sentiment_shift,
    )
    return msgspec.structs.replace(rules, status="ok", model_id=answer.model_id, digest=text)


def _described(figures: VariantFigures, name: str, examples: int) -> dict[str, Any]:
    return {
        "key": figures.key,
        "name": clean(name),
        "sessions": figures.sessions,
        "devices": figures.exposures,
        "retention": [
            {"day": one.day, "eligible": one.eligible, "retained": one.retained} for one in figures.retention
        ],
        "activeShare": figures.engagement,
        "crashRate": figures.crash_rate,
        "friction": [{"tag": one.tag, "testers": one.count} for one in figures.friction],
        "praise": [{"tag": one.tag, "testers": one.count} for one in figures.praise],
        "quotes": [clean(quote) for quote in figures.quotes[:examples]],
    }


def _first_day(figures: VariantFigures) -> tuple[int, int]:
    """Retained and eligible."""
    return next((one.retained, one.eligible) for one in figures.retention if one.day == LABEL_DAY)


def _shift(one: VariantFigures, baseline: VariantFigures) -> float | None:
    total, base_total = one.praise_count + one.friction_count, baseline.praise_count + baseline.friction_count
    if not total or not base_total:
        return None
    difference = one.praise_count * base_total - baseline.praise_count * total
    shift = half_up_to(abs(difference), total * base_total, 4)
    return shift if difference >= 0 else -shift


def _recommendation(comparison: Comparison, found: Srm, label: Label) -> str:
    if found.status == "mismatch":
        return (
            f"Do not trust these figures: the exposures do not fit the allocations (p = {found.p_value}). "
            "Find out what loses players of one variant before you compare."
        )
    if label == "inconclusive":
        fewest = min(_first_day(one)[1] for one in comparison.variants)
        return (
            "No difference in who comes back on day 1 can be told yet: "
            f"the variant with the fewest devices has {fewest} that could. Keep it running."
        )
    baseline = comparison.variants[0]
    best = max(comparison.variants, key=_came_back)
    sure = "clearly" if label == "strong" else "probably"
    if best is baseline:
        return f"Keep {baseline.key}: of its players {sure} more come back on day 1 ({_shown(baseline)})."
    return (
        f"Pick {best.key}: of its players {sure} more come back on day 1 "
        f"({_shown(best)}) than of {baseline.key} ({_shown(baseline)})."
    )


def _came_back(figures: VariantFigures) -> float:
    retained, eligible = _first_day(figures)
    return retained / eligible if eligible else 0.0


def _shown(figures: VariantFigures) -> str:
    retained, eligible = _first_day(figures)
    return f"{retained:,} of {eligible:,}"


def _headline(figures: VariantFigures) -> str:
    active, crashed = half_up(100 * figures.active_ms, figures.wall_ms), figures.crash_rate * 100
    return (
        f"{figures.sessions:,} sessions of {figures.exposures:,} devices, {active} % of the time active, "
        f"{crashed:g} % of sessions crashed, {_shown(figures)} came back on day 1."
    )


def _shared_themes(comparison: Comparison) -> list[str]:
    """Frictions that every variant has among its largest, in the baseline's order."""
    baseline, *others = [[cluster.tag for cluster in one.friction] for one in comparison.variants]
    return [tag for tag in dict.fromkeys(baseline) if all(tag in tags for tags in others)]
