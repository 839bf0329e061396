"""The games of studios in ClickHouse, as their definitions have them now. DDL: `0020_studio_games.sql`.

An event carries a game's whole definition, so the last event of a record is the game's row, and a batch that
is written again, whole or in other parts, comes to the same rows. Pure but for the lists it adds to. Left out
is what holds secrets or says who is meant: webhooks, audiences, experiments' salts and pins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.clickhouse.noun_tables import Rows, TableSet
from projections.clickhouse.times import time_of
from schemas.envelope import EventsRecord
from schemas.studio.events import EVENTS, GameChanged, GameDefined
from schemas.studio.noun import STUDIO_EVENTS

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse

GAMES: Final = "studio_games"
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    GAMES: (
        *("studio_id", "game_id", "slug", "name", "created_at", "changed_at", "definition_version"),
        *("heatmap_axes", "forms", "funnels", "catalog", "events", "_offset"),
    )
}
_TOLD: Final = frozenset({GameDefined.WIRE, GameChanged.WIRE})
_json: Final = msgspec.json.Encoder().encode


def add_record(record: EventsRecord, partition: int, offset: int, rows: Rows, changes: list[Any]) -> None:
    """Add a row of each game that the record's events define or change, as the last of them has it."""
    del partition, changes  # the noun has one partition, and no row depends on one that is stored
    now: dict[str, list[Any]] = {}
    for decided in record.decided:
        for event in decided.events:
            if event.type in _TOLD:
                message = EVENTS.decode(event.type, event.data)
                assert isinstance(message, GameDefined | GameChanged)  # noqa: S101 - for the type checker
                now[message.game_id] = [*_game(message, event.at_ms), offset]
    rows[GAMES] += now.values()


def _game(message: GameDefined | GameChanged, at_ms: int) -> list[Any]:
    settings = message.settings
    definition = settings.definition
    return [
        *(message.studio_id, message.game_id, settings.slug, settings.name),
        *(time_of(message.created_at_ms), time_of(at_ms), message.definition_version, settings.heatmap_axes),
        _json(settings.feedback_forms).decode(),
        _json(definition.get("funnels", [])).decode(),
        _json(definition.get("catalog", {})).decode(),
        _json(definition.get("events", [])).decode(),
    ]


async def _nothing(client: ClickHouse, changes: Sequence[Any], ends: Mapping[int, int]) -> Rows:
    del client, changes, ends
    return {}


STUDIO_TABLES: Final = TableSet(topic=STUDIO_EVENTS.name, columns=COLUMNS, add=add_record, changed=_nothing)
