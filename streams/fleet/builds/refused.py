"""What a build's owner is told when it can't be made."""

from __future__ import annotations

from typing import Final

_SHOWN_CHARACTERS: Final = 200


class BuildRefused(Exception):
    """The build can't be made from this input, however often it is tried.

    The message says what is wrong, where, and what to do, for the build's owner.
    """


def shown(name: str | bytes) -> str:
    """A name of hostile origin as one short line of printable ASCII, in quotes."""
    text = ascii(name)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
