"""Texts for the fuzz drill: which a field takes by the contract, and a seeded choice of them. Pure.

The rules are taken from the contract and README.md, not from the code that is under test.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from deploy.lab.drill.fuzz_words import FILLERS, POWERS, VERY_LONG, WORDS

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

ID_MAX: Final = 128
NAME_MAX: Final = 256
REASON_MAX: Final = 500
ANSWER_MAX: Final = 500
KEY_MAX: Final = 255
LAUNCH_NAME_MAX: Final = 128
LAUNCH_TEXT_MAX: Final = 4096
CONTEXT_KEY_MAX: Final = 64
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_WITHOUT_GLYPH: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5")
_SLUG: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")
_TRIES: Final = 200


class Rule(StrEnum):
    """What a field takes."""

    ID = "id"
    NAME = "name"
    """1 to 256 characters of any text."""
    LABEL = "label"
    """At most 256 characters."""
    FREE = "free"
    """Any text that the body's limit allows."""
    SLUG = "slug"
    REASON = "reason"
    ANSWER = "answer"
    CONTEXT_KEY = "context key"
    KEY = "idempotency key"
    NOTES = "notes"
    """S2's, of at least one character, as its others."""
    QUALIFICATIONS = "qualifications"
    GAME_KEY = "game key"
    DISPLAY_NAME = "display name"
    EXPERIENCE = "gaming experience"
    PRINTABLE = "printable name"
    """S5's names and ids of a match."""
    ARGUMENT = "argument"
    """One word of S5's startup_args, quoted."""
    VARIABLE = "variable"
    WORD = "word"
    """Of lower-case letters."""
    CHANNEL = "channel"
    """Of Discord, an id."""
    AUTHOR = "author"
    MESSAGE = "message"


LONGEST: Final = {
    Rule.ID: ID_MAX,
    Rule.NAME: NAME_MAX,
    Rule.LABEL: NAME_MAX,
    Rule.FREE: VERY_LONG,
    Rule.SLUG: 64,
    Rule.REASON: REASON_MAX,
    Rule.ANSWER: ANSWER_MAX,
    Rule.CONTEXT_KEY: CONTEXT_KEY_MAX,
    Rule.KEY: KEY_MAX,
    Rule.NOTES: 5000,
    Rule.QUALIFICATIONS: 2000,
    Rule.GAME_KEY: 255,
    Rule.DISPLAY_NAME: 40,
    Rule.EXPERIENCE: 500,
    Rule.PRINTABLE: LAUNCH_NAME_MAX,
    Rule.ARGUMENT: LAUNCH_TEXT_MAX // 5 - 2,
    Rule.VARIABLE: LAUNCH_TEXT_MAX,
    Rule.WORD: 64,
    Rule.CHANNEL: 120,
    Rule.AUTHOR: 120,
    Rule.MESSAGE: 4000,
}
_MAY_BE_EMPTY: Final = frozenset(
    {
        *(Rule.LABEL, Rule.FREE, Rule.REASON, Rule.ANSWER, Rule.CONTEXT_KEY),
        *(Rule.ARGUMENT, Rule.VARIABLE, Rule.MESSAGE),
    }
)


def takes(rule: Rule, text: str) -> bool:
    """Whether the contract lets a field of this rule hold the text."""
    if not is_text(text) or len(text) > LONGEST[rule] or not (text or rule in _MAY_BE_EMPTY):
        return False
    fits = _FITS.get(rule)
    return fits is None or fits(text)


def is_text(text: str) -> bool:
    """Whether UTF-8 can hold it: no half of a surrogate pair."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _is_seen(character: str) -> bool:
    if character == " ":
        return True
    code = ord(character)
    is_noncharacter = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return not (
        is_noncharacter
        or unicodedata.category(character) in _UNSEEN
        or character.isspace()
        or character in _WITHOUT_GLYPH
        or "\U000e0000" <= character <= "\U000e0fff"
    )


_FITS: Final[dict[Rule, Callable[[str], bool]]] = {
    Rule.ID: lambda text: not text.isspace() and all(map(_is_seen, text)),
    Rule.CHANNEL: lambda text: not text.isspace() and all(map(_is_seen, text)),
    Rule.SLUG: lambda text: set(text) <= _SLUG,
    Rule.PRINTABLE: str.isprintable,
    Rule.ARGUMENT: lambda text: "\0" not in text,
    Rule.VARIABLE: lambda text: "\0" not in text,
    Rule.WORD: lambda text: text.isascii() and text.isalpha() and text.islower(),
    Rule.KEY: lambda text: text.isascii() and text.isprintable() and text == text.strip(" "),
}
"""What beyond its length a text of a rule must be."""


class Texts:
    """Gives texts. Over time each field gets each word as it is, and within others and at every length."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._words = [word for words in WORDS.values() for word in words]
        self._turn: dict[str, int] = {}
        self._order: dict[str, list[str]] = {}
        self.given: dict[str, set[str]] = {}
        """Words that each field has got as they are."""

    def good(self, field: str, rule: Rule, *, long: int = VERY_LONG) -> str:
        """A text that the field takes, of at most `long` characters."""
        return self._drawn(field, rule, long, wanted=True)

    def bad(self, field: str, rule: Rule) -> str | None:
        """A text that the field must refuse; None where every text there is fits it."""
        found = self._drawn(f"{field} refused", rule, VERY_LONG, wanted=False)
        return None if takes(rule, found) else found

    def _drawn(self, field: str, rule: Rule, long: int, *, wanted: bool) -> str:
        for _ in range(_TRIES):
            text = self._next(field) if self._dice.random() < 0.5 else self._shaped(rule)
            if takes(rule, text) == wanted and len(text) <= max(long, 1):
                if text in self._order.get(field, ()):
                    self.given.setdefault(field, set()).add(text)
                return text
        return "x" if wanted else "\ud800"

    def _next(self, field: str) -> str:
        """The field's next word as it is."""
        order = self._order.get(field)
        if order is None:
            order = self._order[field] = self._dice.sample(self._words, len(self._words))
        turn = self._turn[field] = self._turn.get(field, -1) + 1
        return order[turn % len(order)]

    def _shaped(self, rule: Rule) -> str:
        word = self._dice.choice(self._words)
        match self._dice.randrange(5):
            case 0:
                return f"a{word}b"
            case 1:
                return word + self._dice.choice(self._words)
            case 2:
                return self._dice.choice((":", "|", "}", " ", "\n")).join((word, "x", word))
            case _:
                return self._at_length(word, self._length(rule))

    def _length(self, rule: Rule) -> int:
        most = LONGEST[rule]
        if rule is Rule.FREE:
            large = self._dice.choice((*POWERS[12:], most))
            return self._dice.choice((0, 1, *POWERS[:12], *POWERS[:8], large))
        return self._dice.choice((0, 1, most - 1, most, most + 1, *(p for p in POWERS if p <= 2 * most)))

    def _at_length(self, word: str, length: int) -> str:
        return (word + self._dice.choice(FILLERS) * max(0, length - len(word)))[:length]
