"""The kinds of insights that S1's reference names. The rules find some of them; the reads filter by all.

Source: reference, "Insights".
"""

from __future__ import annotations

from typing import Final, Literal, get_args

InsightType = Literal[
    "stuck-point",
    "confusion",
    "positive-moment",
    "negative-moment",
    "feature-request",
    "bug-report",
    "difficulty-spike",
    "pacing-issue",
    "ui-friction",
    "praise",
    "session-summary",
]
Sentiment = Literal["positive", "neutral", "negative"]
INSIGHT_TYPES: Final[tuple[InsightType, ...]] = get_args(InsightType)
SENTIMENTS: Final[tuple[Sentiment, ...]] = get_args(Sentiment)
