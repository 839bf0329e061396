"""What a model is told of builds and testers whose sessions were analyzed, to summarise them.

Source: contract/analytics.md, "AI". Testers are t1, t2; no handle, device or country is in an input.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from projections.telemetry.queries.archetypes import TESTERS_MAX
from projections.telemetry.queries.filters import Conditions
from schemas.rounding import half_up
from schemas.studio.ai_plain_text import clean, fitted
from schemas.telemetry.friction import FRICTION_TYPES, PRAISE_TYPES

if TYPE_CHECKING:
    from projections.telemetry.queries.client import Queries

BUILDS_MAX: Final = 50
"""Of one game and environment: those analyzed last."""
_EXAMPLES: Final = (40, 20, 10, 5, 0)
_TAGS_MAX: Final = 10
_MINUTE_MS: Final = 60_000
_TYPES: Final = [*FRICTION_TYPES, *PRAISE_TYPES]

Column = Literal["build_id", "player_id"]


class Analyzed(msgspec.Struct, frozen=True):
    """A game's environment, and what changes whenever a session in it is analyzed."""

    game_id: str
    environment: str
    mark: str


class SummaryInput(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be summarised: a build or a device, the user message, and how many sessions it is of."""

    kind: Literal["build-summary", "tester-summary"]
    of: str
    input: str
    sessions: int


async def analyzed(queries: Queries, studio_id: str) -> list[Analyzed]:
    """A studio's games and environments with an analyzed session."""
    conditions = Conditions(studio_id).holds("type = 'session-summary'")
    rows = await queries.query(
        "SELECT game_id, environment, toString((count(), sum(_version), max(created_at))) "  # noqa: S608
        f"FROM insights FINAL WHERE {conditions} GROUP BY game_id, environment ORDER BY 1, 2",
        conditions.parameters,
    )
    return [Analyzed(*row) for row in rows]


async def summary_inputs(
    queries: Queries, studio_id: str, game_id: str, environment: str
) -> list[SummaryInput]:
    """The inputs of the builds and of the 500 testers analyzed last in an environment."""
    of_game = Conditions(studio_id).equal("game_id", "game", game_id)
    of_game.equal("environment", "environment", environment).holds("removed = 0")
    builds, testers = await asyncio.gather(
        _inputs(queries, of_game, "build_id", BUILDS_MAX), _inputs(queries, of_game, "player_id", TESTERS_MAX)
    )
    return builds + testers


async def _inputs(queries: Queries, of_game: Conditions, column: Column, most: int) -> list[SummaryInput]:
    summed = of_game.copy().holds(f"type = 'session-summary' AND {column} != ''")
    rows = await queries.query(
        f"SELECT {column}, count(), uniqExactIf(player_id, player_id != ''), sum(active_ms) "  # noqa: S608
        f"FROM insights FINAL WHERE {summed} GROUP BY {column} "
        f"ORDER BY max(created_at) DESC, {column} LIMIT {most}",
        summed.parameters,
    )
    of_these = of_game.copy().holds(f"{column} IN {{those:Array(String)}}", those=[row[0] for row in rows])
    of_these.holds("type IN {types:Array(String)}", types=_TYPES)
    tagged, shown = await asyncio.gather(
        queries.query(
            f"SELECT {column}, type, tag, uniqExactIf(player_id, player_id != '') AS n "  # noqa: S608
            f"FROM insights FINAL WHERE {of_these} GROUP BY {column}, type, tag "
            f"ORDER BY {column}, n DESC, tag, type LIMIT {4 * _TAGS_MAX} BY {column}",
            of_these.parameters,
        ),
        queries.query(
            f"SELECT {column}, player_id, type, evidence FROM insights FINAL "  # noqa: S608
            f"WHERE {of_these} ORDER BY {column}, confidence DESC, insight_id "
            f"LIMIT {_EXAMPLES[0]} BY {column}",
            of_these.parameters,
        ),
    )
    tags: dict[str, list[list[Any]]] = {}
    for one, *tag in tagged:
        tags.setdefault(one, []).append(tag)
    insights: dict[str, list[list[Any]]] = {}
    for one, *insight in shown:
        insights.setdefault(one, []).append(insight)
    return [_input(column, row, tags.get(row[0], []), insights.get(row[0], [])) for row in rows]


def _input(column: Column, row: list[Any], tags: list[list[Any]], insights: list[list[Any]]) -> SummaryInput:
    of, sessions, testers, active_ms = row
    names: dict[str, str] = {}
    for tester, *_ in insights:
        names.setdefault(tester, f"t{len(names) + 1}")
    figures: dict[str, Any] = {"sessions": sessions, "activeMinutes": half_up(active_ms, _MINUTE_MS)}
    if column == "build_id":
        figures = {"build": clean(of), "testers": testers} | figures

    def document(examples: int) -> Any:
        return figures | {
            "friction": _named(tags, FRICTION_TYPES),
            "praise": _named(tags, PRAISE_TYPES),
            "insights": [
                {"tester": names[tester], "type": kind, "text": clean(text)}
                for tester, kind, text in insights[:examples]
            ],
        }

    kind: Literal["build-summary", "tester-summary"] = (
        "build-summary" if column == "build_id" else "tester-summary"
    )
    return SummaryInput(kind=kind, of=of, input=fitted(document, _EXAMPLES), sessions=sessions)


def _named(tags: list[list[Any]], types: tuple[str, ...]) -> list[dict[str, Any]]:
    named = [{"tag": tag, "testers": testers} for kind, tag, testers in tags if kind in types]
    return named[:_TAGS_MAX]
