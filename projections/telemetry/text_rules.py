"""What rules find in a written message. Pure: the same text gives the same finding.

Source: contract/analytics.md, "`POST /api/webhooks/discord`". Words are compared whole and in any case; the
first rule that matches is the message's one finding, which is about no place.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from schemas.telemetry.insights import InsightType, Sentiment

TEXT_CONFIDENCE: Final = 0.5
NEGATED_WITHIN_WORDS: Final = 3

_WORD: Final = re.compile(r"\w+(?:'\w+)*")


class TextFinding(NamedTuple):
    """What a message is about."""

    type: InsightType
    sentiment: Sentiment


def find_in_text(text: str) -> TextFinding | None:
    """The finding of a message, or None where no rule matches."""
    plain = unicodedata.normalize("NFKC", text).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    words = _WORD.findall(plain.casefold())
    return next((finding for finding, matches in _RULES if matches(words)), None)


def _any(*phrases: str) -> Callable[[Sequence[str]], bool]:
    """A rule: one of these words or phrases is there."""
    wanted = [phrase.split() for phrase in phrases]
    return lambda words: any(_places(words, phrase) for phrase in wanted)


def _praised(words: Sequence[str]) -> bool:
    return any(
        not any(map(_negates, words[max(0, place - NEGATED_WITHIN_WORDS) : place]))
        for praise in ("love", "great", "fun")
        for place in _places(words, [praise])
    )


def _negates(word: str) -> bool:
    return word in {"not", "never"} or word.endswith("n't")


def _places(words: Sequence[str], phrase: Sequence[str]) -> list[int]:
    length = len(phrase)
    return [place for place in range(len(words)) if [*words[place : place + length]] == [*phrase]]


_screen: Final = _any("menu", "button", "hud")
_disliked: Final = _any("bad", "hate", "annoying")
_RULES: Final[tuple[tuple[TextFinding, Callable[[Sequence[str]], bool]], ...]] = (
    (TextFinding("bug-report", "negative"), _any("crash", "bug", "glitch", "broken", "softlock")),
    (TextFinding("stuck-point", "negative"), _any("stuck")),
    (TextFinding("difficulty-spike", "negative"), _any("too hard", "unfair")),
    (TextFinding("pacing-issue", "negative"), _any("boring", "too slow")),
    (TextFinding("ui-friction", "negative"), lambda words: _screen(words) and _disliked(words)),
    (TextFinding("confusion", "negative"), _any("confused", "confusing", "unclear")),
    (TextFinding("feature-request", "neutral"), _any("wish", "please add")),
    (TextFinding("praise", "positive"), _praised),
)
