"""The public id of a session (contract: telemetry, "Sessions").

It is the given id where that starts with `sess_`, else `sess_` and a hash of game and given id. Where two
games of a studio send the same one, the earlier (arrival, then game id) keeps it and the other shows the
hash.
"""

from __future__ import annotations

import hashlib
from typing import Final

from projections.telemetry.queries.filters import HAS_EVENTS

PREFIX: Final = "sess_"
HASH: Final = "concat('sess_', substring(lower(hex(SHA256(concat(game_id, char(10), session_id)))), 1, 32))"
"""SQL of the hash, as the view `sessions` has it."""
OWN_ID: Final = "if(startsWith(session_id, 'sess_'), session_id, session_hash)"
"""SQL of the id that a row of the view `sessions` shows, unless two games have sent it."""
SHOWN_ID: Final = "if(startsWith(session_id, 'sess_') AND o.owner IN ('', game_id), session_id, session_hash)"
"""SQL of the id that it shows, where it is joined with `owners`, named `o`."""


def owners(narrowed: str = "1") -> str:
    """SQL: the given ids that several games of the studio have sent, and the game that keeps each.

    `narrowed` is a condition on session_id.
    """
    return (
        "SELECT session_id AS owned_id, argMin(game_id, (first_arrived_at, game_id)) AS owner "  # noqa: S608
        "FROM session_parts WHERE studio_id = {studio:String} AND startsWith(session_id, 'sess_') "
        f"AND {HAS_EVENTS} AND {narrowed} GROUP BY session_id HAVING uniqExact(game_id) > 1"
    )


def public_id(game_id: str, given_id: str, owner: str) -> str:
    """The id to show. `owner` is the game that keeps the given id, empty where no two games have sent it."""
    if given_id.startswith(PREFIX) and owner in {"", game_id}:
        return given_id
    return PREFIX + hashlib.sha256(f"{game_id}\n{given_id}".encode()).hexdigest()[:32]
