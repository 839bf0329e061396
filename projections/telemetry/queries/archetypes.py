"""The testers that archetypes and summaries are made of: those analyzed last, with what they met."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from projections.telemetry.queries.filters import Conditions
from projections.telemetry.queries.tester_handles import SHOWN, joined
from schemas.telemetry.friction import FRICTION_TYPES, PRAISE_TYPES, TagCount
from schemas.telemetry.rule_summaries import narrative

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from projections.telemetry.queries.client import Queries

TESTERS_MAX: Final = 500
_TAGS_MAX: Final = 50_000
_ANALYZED: Final = "type = 'session-summary' AND removed = 0 AND player_id != ''"
_FRICTION: Final = frozenset(FRICTION_TYPES)


class AnalyzedTester(msgspec.Struct, frozen=True, kw_only=True):
    """A tester's analyzed sessions in an environment, and the tags of friction and praise in them."""

    device_id: str
    sessions: int
    active_ms: int
    tags: list[TagCount]
    """Each counts one tester: this one."""

    @property
    def friction(self) -> frozenset[str]:
        """Tags of friction."""
        return frozenset(one.tag for one in self.tags if one.type in _FRICTION)

    @property
    def rule_text(self) -> str:
        """What rules say of this tester."""
        return narrative(self.sessions, 1, self.active_ms, self.tags)


async def tester_count(queries: Queries, studio_id: str, game_id: str, environment: str) -> int:
    """How many testers have an analyzed session in an environment; at most the 500 analyzed last."""
    conditions = _of(studio_id, game_id, environment).holds(_ANALYZED)
    rows = await queries.query(
        f"SELECT least(uniqExact(player_id), {TESTERS_MAX}) FROM insights FINAL WHERE {conditions}",  # noqa: S608
        conditions.parameters,
    )
    return int(rows[0][0])


async def analyzed_testers(
    queries: Queries, studio_id: str, game_id: str, environment: str
) -> list[AnalyzedTester]:
    """The 500 testers analyzed last in an environment, the last first, then by device id."""
    summed = _of(studio_id, game_id, environment).holds(_ANALYZED)
    rows = await queries.query(
        "SELECT player_id, count(), sum(active_ms) FROM insights FINAL "  # noqa: S608 - placeholders only
        f"WHERE {summed} GROUP BY player_id ORDER BY max(created_at) DESC, player_id LIMIT {TESTERS_MAX}",
        summed.parameters,
    )
    tagged = _of(studio_id, game_id, environment).holds(
        "removed = 0 AND type IN {types:Array(String)} AND player_id IN {devices:Array(String)}",
        types=[*FRICTION_TYPES, *PRAISE_TYPES],
        devices=[device for device, *_ in rows],
    )
    found = await queries.query(
        "SELECT DISTINCT player_id, type, tag FROM insights FINAL "  # noqa: S608 - placeholders only
        f"WHERE {tagged} ORDER BY player_id, tag, type LIMIT {_TAGS_MAX}",
        tagged.parameters,
    )
    tags: dict[str, list[TagCount]] = {}
    for device, kind, tag in found:
        tags.setdefault(device, []).append(TagCount(kind, tag, 1))
    return [
        AnalyzedTester(device_id=device, sessions=sessions, active_ms=active, tags=tags.get(device, []))
        for device, sessions, active in rows
    ]


async def latest_handles(
    queries: Queries, studio_id: str, game_id: str, devices: Sequence[str]
) -> Mapping[str, str]:
    """The handle of each device's latest session, where it is not the device's id itself."""
    conditions = (
        Conditions(studio_id)
        .equal("game_id", "game", game_id)
        .holds("player_id IN {devices:Array(String)}", devices=[*devices])
    )
    rows = await queries.query(
        f"SELECT player_id, argMax({SHOWN}, (recorded_at, session_id)) AS shown "  # noqa: S608 - likewise
        f"FROM {joined(str(conditions))} GROUP BY player_id HAVING shown != '' AND shown != player_id",
        conditions.parameters,
    )
    return dict(rows)


def _of(studio_id: str, game_id: str, environment: str) -> Conditions:
    conditions = Conditions(studio_id).equal("game_id", "game", game_id)
    return conditions.equal("environment", "environment", environment)
