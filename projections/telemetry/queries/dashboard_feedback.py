"""What players answered in feedback forms: how often each rating, yes or no was given, and the newest texts.

How often a form was answered is what S1's `prompts` says. A submission that came twice counts once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.telemetry.queries.dashboard_common import Query
from projections.telemetry.queries.session_ids import owners, public_id

if TYPE_CHECKING:
    from collections.abc import Sequence

TEXTS_MAX: Final = 50
TEXT_CHARACTERS: Final = 1_000
VALUES_MAX: Final = 2_000
_TENANT: Final = "studio_id = {studio:String} AND game_id = {game:String}"
_ANSWERS: Final = (
    "SELECT form_id, submission_id, session_id, player_id, arrived_at, "  # noqa: S608 - placeholders only
    "JSONExtractString(answer, 'fieldId') AS field_id, JSONType(answer, 'value') AS kind, "
    "JSONExtractRaw(answer, 'value') AS value, JSONExtractString(answer, 'value') AS text "
    f"FROM feedback FINAL ARRAY JOIN JSONExtractArrayRaw(answers) AS answer WHERE {_TENANT}"
)
_IS_CLOSED: Final = "has({closed:Array(String)}, concat(form_id, '\\n', field_id))"


class Tally(msgspec.Struct, frozen=True):
    """How often one value was given: a rating `1` to `5`, or `yes` or `no`."""

    form: str
    field: str
    value: str
    count: int


class TextAnswer(msgspec.Struct, frozen=True):
    """A text as a player wrote it, of at most 1,000 characters. `at` is unix milliseconds.

    `session` is the public id, as S1 shows it.
    """

    form: str
    field: str
    text: str
    at: int
    session: str
    device: str


def tallies_query(studio_id: str, game_id: str, closed: Sequence[str]) -> Query:
    """Rows (form_id, field_id, said, n) of ratings and yes-no questions.

    `closed` are the yes-no questions: form and field with a line feed between.
    """
    said = "multiIf(kind = 'Bool', if(value = 'true', 'yes', 'no'), kind = 'String', text, value)"
    return Query(
        f"""
        SELECT form_id, field_id, {said} AS said, count() AS n FROM ({_ANSWERS})
        WHERE kind IN ('Bool', 'Int64', 'UInt64', 'Double') OR (kind = 'String' AND {_IS_CLOSED})
        GROUP BY form_id, field_id, said ORDER BY form_id, field_id, said LIMIT {VALUES_MAX}
        """,  # noqa: S608 - the text holds placeholders only
        {"studio": studio_id, "game": game_id, "closed": list(closed)},
    )


def texts_query(studio_id: str, game_id: str, closed: Sequence[str]) -> Query:
    """Rows (form_id, field_id, said, at, session_id, player_id, owner), newest first, of all other questions.

    `owner` is the game that keeps the session's given id, empty where no two games have sent it.
    """
    sent = f"SELECT session_id FROM feedback WHERE {_TENANT}"  # noqa: S608 - placeholders only
    return Query(
        f"""
        SELECT form_id, field_id, substringUTF8(text, 1, {TEXT_CHARACTERS}) AS said,
               toUnixTimestamp64Milli(arrived_at) AS at, session_id, player_id, o.owner AS owner
        FROM (
            SELECT * FROM ({_ANSWERS}) WHERE kind = 'String' AND trimBoth(text) != '' AND NOT {_IS_CLOSED}
            ORDER BY arrived_at DESC, submission_id, form_id, field_id LIMIT {TEXTS_MAX}
        ) AS f
        LEFT JOIN ({owners(f"session_id IN ({sent})")}) AS o ON f.session_id = o.owned_id
        ORDER BY arrived_at DESC, submission_id, form_id, field_id
        """,  # noqa: S608 - the text holds placeholders only
        {"studio": studio_id, "game": game_id, "closed": list(closed)},
    )


def read_tallies(rows: Sequence[dict[str, Any]]) -> list[Tally]:
    """The rows of `tallies_query`."""
    return [Tally(row["form_id"], row["field_id"], row["said"], int(row["n"])) for row in rows]


def read_texts(game_id: str, rows: Sequence[dict[str, Any]]) -> list[TextAnswer]:
    """The rows of `texts_query`."""
    return [
        TextAnswer(
            form=str(row["form_id"]),
            field=str(row["field_id"]),
            text=str(row["said"]),
            at=int(row["at"]),
            session=public_id(game_id, str(row["session_id"]), str(row["owner"])),
            device=str(row["player_id"]),
        )
        for row in rows
    ]
