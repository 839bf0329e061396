"""How hard an `Idempotency-Key` is to guess, where it alone says who redeems. Pure.

A public link is known to many. In a batch that asks for no name the same `Idempotency-Key` is the same
person, who is shown the game key again: one who guesses it gets that key. What can be seen of a key is that
it is too short or too monotonous: such a key is taken together with the address that sent it.
"""

from __future__ import annotations

from typing import Final

CHARACTERS_MIN: Final = 22
"""Of base64 they hold 128 bits; a UUID has 36 characters."""
DIFFERENT_MIN: Final = 6
"""Of 22 random hexadecimal digits one in thirty million has fewer."""
RULE: Final = (
    "In a public batch that asks for no name, a key that could be guessed (fewer than "
    f"{CHARACTERS_MIN} characters, or fewer than {DIFFERENT_MIN} different ones) shows it to the same "
    "address alone. Send a random UUID."
)


def is_guessable(key: str) -> bool:
    """Whether others could try keys until they have this one."""
    return len(key) < CHARACTERS_MIN or len({*key}) < DIFFERENT_MIN


def bound_to_address(key: str, address: str) -> str:
    """What such a key is remembered as. No client can send it: a key has no line breaks."""
    return f"{key}\n{address}"
