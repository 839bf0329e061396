"""How a session is named. Apart from the rest of it: what only names sessions needs no numpy."""

from __future__ import annotations

from typing import NamedTuple


class SessionKey(NamedTuple):
    """A session as its sender names it, inside its tenant."""

    studio_id: str
    game_id: str
    session_id: str
