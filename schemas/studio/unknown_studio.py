"""What an operator is told who names a studio that does not exist. Pure."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

NEAREST_MAX: Final = 2
LISTED_MAX: Final = 10
"""Of more studios none is listed."""


def unknown_studio(name: str, slugs: Sequence[str]) -> str:
    """That there is none of this name, and the nearest that exist, else all, or what lists them."""
    said = f"there is no studio {name}"
    near = get_close_matches(name.casefold(), slugs, n=NEAREST_MAX)
    if near:
        return f"{said}: did you mean {' or '.join(near)}?"
    if not slugs:
        return f"{said}, nor any other: `questlog apply FILE` makes one"
    if len(slugs) <= LISTED_MAX:
        return f"{said}: there {'is' if len(slugs) == 1 else 'are'} {', '.join(sorted(slugs))}"
    return f"{said}: `questlog keys list` shows keys with their studios"
