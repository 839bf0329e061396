"""What was written in Discord threads, as lines `author: text` of their sessions, by time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from projections.telemetry.queries.filters import Conditions
from projections.telemetry.queries.url_pieces import in_pieces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.telemetry.queries.client import Queries

CHARACTERS_MAX: Final = 100_000
"""Of one session's transcript: its first lines."""
SESSIONS_MAX: Final = 100
"""Sessions of one answer that have one, the first of them: as many as a page of sessions has."""

LINE: Final = r"replaceRegexpAll(concat(author, ': ', text), '[\\r\\n\\v\\f\\x{85}\\x{2028}\\x{2029}]+', ' ')"
"""SQL of a message's line: what was broken into several is one."""
LINES: Final = (
    "SELECT game_id, session_id FROM messages "  # noqa: S608 - constants
    f"WHERE studio_id = {{studio:String}} AND positionCaseInsensitiveUTF8({LINE}, {{q:String}}) > 0"
)
"""SQL of the sessions that have the parameter `q` within a line. The parameter `studio` is bound."""


async def transcripts(
    queries: Queries, studio_id: str, threads: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """By game and given id, the transcripts of these sessions of threads: empty without messages."""
    keys = threads[:SESSIONS_MAX]
    lines: dict[tuple[str, str], list[str]] = {key: [] for key in keys}
    for some in in_pieces(keys, lambda key: str(key[1])):
        conditions = Conditions(studio_id).holds(
            "game_id IN {games:Array(String)} AND session_id IN {ids:Array(String)}",
            games=sorted({game_id for game_id, _ in some}),
            ids=[given_id for _, given_id in some],
        )
        rows = await queries.query(
            "SELECT game_id, session_id, line FROM (SELECT game_id, session_id, occurred_at, number, "  # noqa: S608
            f"{LINE} AS line, sum(lengthUTF8(line) + 1) OVER (PARTITION BY game_id, session_id "
            "ORDER BY occurred_at, number ROWS UNBOUNDED PRECEDING) AS length "
            f"FROM messages FINAL WHERE {conditions}) WHERE length <= {CHARACTERS_MAX + 1} "
            "ORDER BY game_id, session_id, occurred_at, number",
            conditions.parameters,
        )
        for game_id, given_id, line in rows:
            if (game_id, given_id) in lines:
                lines[game_id, given_id].append(line)
    return {key: "\n".join(some) for key, some in lines.items()}
