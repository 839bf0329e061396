"""Texts on their way to a model and back: player text is data, and what comes out is plain. Pure.

Source: the analytics contract, "Player text is data".
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, Final

from schemas.studio.ai_requests import INPUT_CHARACTERS_MAX

TEXT_CHARACTERS_MAX: Final = 200
"""Of one string of the input."""
_URL: Final = re.compile(
    r"[a-z][a-z0-9+.-]*://|\bwww\.|\b(?:javascript|data|mailto|vbscript):|\]\(|"
    r"\b[a-z0-9-]+\.(?:com|net|org|io|gg|dev|app|co|ru|cn|de|uk|xyz|info|biz|me|ly|link|top|site|online)\b"
    r"|\b[a-z0-9-]+\.[a-z]{2,}/|\S@\S+\.\S",
    re.IGNORECASE,
)
_LINK: Final = re.compile(r"\S*(?:://|\bwww\.)\S*", re.IGNORECASE)
_HTML: Final = re.compile(r"<\s*[a-z!/?]|&(?:#\d+|#x[0-9a-f]+|[a-z]+\d*);", re.IGNORECASE)
_ORDERS: Final = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:previous|prior|above|earlier|instructions?|prompts?)\b"
    r"|\bsystem[ _-]?prompt\b",
    re.IGNORECASE | re.DOTALL,
)
_ID: Final = re.compile(r"\b(?:ins|sess|arc|exp|game|user|key|device|dev)_[A-Za-z0-9_-]{3,}")


def clean(text: str) -> str:
    """One string of an input: one line without control characters, links or tags, at most 200 characters."""
    plain = "".join(" " if unicodedata.category(one)[0] in "CZ" else one for one in text)
    plain = _HTML.sub(" ", _URL.sub(" ", _LINK.sub(" ", unicodedata.normalize("NFC", plain))))
    return " ".join(plain.replace("<", " ").replace(">", " ").split())[:TEXT_CHARACTERS_MAX].strip()


def packed(value: Any) -> str:
    """An input as the user message: JSON without line breaks, keys as given."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def fitted(make: Callable[[int], Any], most: Sequence[int]) -> str:
    """The input with as many examples as fit. `make` takes how many each thing may have; the last is 0."""
    for number in most:
        text = packed(make(number))
        if len(text) <= INPUT_CHARACTERS_MAX:
            return text
    raise ValueError(f"an input without examples has more than {INPUT_CHARACTERS_MAX} characters")


def plain_text(text: str, characters_max: int, given: str) -> str | None:
    """What a model wrote, cut to a length; None where it may not come out.

    Refused are links, tags, orders to a model, control characters, ids that are not in the input `given`, and
    nothing at all.
    """
    one_line = " ".join(text.split())
    if not one_line or any(unicodedata.category(one) in {"Cc", "Cf", "Co", "Cs", "Cn"} for one in one_line):
        return None
    if _URL.search(one_line) or _HTML.search(one_line) or _ORDERS.search(one_line):
        return None
    if any(one not in given for one in _ID.findall(one_line)):
        return None
    return one_line if len(one_line) <= characters_max else one_line[: characters_max - 1].rstrip() + "…"
