"""Uploaded level models, newest first. They belong to the game, whatever build and time are chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.telemetry.queries.dashboard_common import Query

if TYPE_CHECKING:
    from collections.abc import Sequence

MODELS_MAX: Final = 200


class LevelModel(msgspec.Struct, frozen=True):
    """One upload. `size` is bytes, `uploaded_at` unix milliseconds, `sha256` hex."""

    id: str
    app_name: str
    level_name: str
    size: int
    sha256: str
    uploaded_at: int


def models_query(studio_id: str, game_id: str) -> Query:
    """Rows of the table `models`."""
    return Query(
        f"""
        SELECT model_id, app_name, level_name, size, sha256, toUnixTimestamp64Milli(arrived_at) AS uploaded_at
        FROM models FINAL WHERE studio_id = {{studio:String}} AND game_id = {{game:String}}
        ORDER BY uploaded_at DESC, model_id LIMIT {MODELS_MAX}
        """,  # noqa: S608 - the text holds placeholders only
        {"studio": studio_id, "game": game_id},
    )


def read_models(rows: Sequence[dict[str, Any]]) -> list[LevelModel]:
    """The rows of `models_query` as they are."""
    return [
        LevelModel(
            str(row["model_id"]),
            str(row["app_name"]),
            str(row["level_name"]),
            int(row["size"]),
            str(row["sha256"]),
            int(row["uploaded_at"]),
        )
        for row in rows
    ]
