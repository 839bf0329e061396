"""The public id of a session (contract: telemetry, "Sessions").

It is the given id where that starts with `sess_`, else `sess_` and a hash of game and given id. Where two
games of a studio send the same one, the earlier (arrival, then game id) keeps it and the other shows the
hash.
"""

from __future__ import annotations

import hashlib
from typing import Final

OWNERS: Final = """
    SELECT session_id AS owned_id, argMin(game_id, (first_arrived_at, game_id)) AS owner FROM session_parts
    WHERE studio_id = {studio:String} AND startsWith(session_id, 'sess_') AND notEmpty(spans)
    GROUP BY session_id HAVING uniqExact(game_id) > 1
"""
"""SQL: the given ids that several games of the studio have sent, and the game that keeps each."""

PUBLIC_ID: Final = (
    "if(startsWith(s.session_id, 'sess_') AND o.owner IN ('', s.game_id), s.session_id, s.session_hash)"
)
"""SQL over `sessions AS s LEFT JOIN OWNERS AS o`."""


def sessions_with_ids(where: str) -> str:
    """SQL of a subquery: every column of the view `sessions` that meets `where`, and `public_id`."""
    return (
        f"(SELECT s.*, {PUBLIC_ID} AS public_id FROM (SELECT * FROM sessions WHERE {where}) AS s "  # noqa: S608
        f"LEFT JOIN ({OWNERS}) AS o ON s.session_id = o.owned_id)"
    )


def public_id(game_id: str, given_id: str, owner: str) -> str:
    """As PUBLIC_ID. `owner` is the game that keeps the given id, empty where no two games have sent it."""
    if given_id.startswith("sess_") and owner in {"", game_id}:
        return given_id
    return "sess_" + hashlib.sha256(f"{game_id}\n{given_id}".encode()).hexdigest()[:32]
