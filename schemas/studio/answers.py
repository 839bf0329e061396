"""What a studio command's outcome says where it succeeded."""

from __future__ import annotations

import msgspec


class StudioAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of a studio command's outcome with status 200."""

    studio_id: str = ""
    key_id: str = ""
    kind: str = ""
    name: str = ""
    game_id: str = ""
    tester_id: str = ""
    changes: list[str] = []
    """What changed, a line each; empty where the command found everything as it asked."""
