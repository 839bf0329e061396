"""How hard an `Idempotency-Key` is to guess, where it alone says who redeems. Pure.

A public link is known to many. In a batch that asks for no name the same `Idempotency-Key` is the same
person, who is shown the game key again: whoever guesses it gets that key. Such a key has to be random, which
can't be seen of it; what can be seen is that it is too short or too monotonous. An address has 20 tries a
minute.
"""

from __future__ import annotations

from typing import Final

CHARACTERS_MIN: Final = 22
"""Of base64 they hold 128 bits; a UUID has 36 characters."""
DIFFERENT_MIN: Final = 6
"""Of 22 random hexadecimal digits one in thirty million has fewer."""
RULE: Final = (
    f"A public batch that asks for no name takes none that could be guessed: at least {CHARACTERS_MIN} "
    f"characters, {DIFFERENT_MIN} of them different. Send a random UUID."
)


def is_guessable(key: str) -> bool:
    """Whether others could try keys until they have this one."""
    return len(key) < CHARACTERS_MIN or len({*key}) < DIFFERENT_MIN
