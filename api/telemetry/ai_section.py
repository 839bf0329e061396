"""S1's reads that ask an AI: of the studio's own, else they say why not, or answer by rules."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec
from fastapi import Request, Response

from api.segments import segment
from api.telemetry import ai_answers, answers, errors, suggesting
from api.telemetry.ai_routes import ROUTES
from api.telemetry.grouping import grouped
from api.telemetry.parameters import ALL_ENVIRONMENTS
from api.telemetry.sections import Handler
from projections.telemetry.queries import build_compare
from projections.telemetry.queries.filters import Conditions
from projections.telemetry.queries.suggestion_targets import (
    targets_of_build,
    targets_of_comparison,
    with_insights,
)
from schemas.edge.zod import Issue, custom
from schemas.studio.ai_requests import AiAnswer

if TYPE_CHECKING:
    from api.telemetry.access import Gate
    from api.telemetry.ai_ports import Ai
    from projections.telemetry.queries.client import Queries
    from schemas.edge.ports import Game
    from schemas.telemetry.access import Caller

_ONE_OR_TWO: Final = "Give either build, or a and b"


class AiSection:
    """Implements `api.telemetry.sections.Section`."""

    routes = ROUTES

    def __init__(self, queries: Queries, ai: Ai) -> None:
        self._queries = queries
        self._ai = ai

    def handlers(self, gate: Gate) -> Mapping[str, Handler]:
        """By the names of the routes."""

        async def suggestions(_: Request, caller: Caller, values: dict[str, Any]) -> Response:
            await gate.take_ai_read(caller)
            if issues := _issues(values):
                raise errors.invalid(issues)
            game = await gate.game(caller, values["game"])
            builds = await build_compare.builds_friction(
                self._queries, game.studio_id, game.id, _versions(values), values["env"]
            )
            if builds.keys() != {*_versions(values)}:
                raise errors.not_found("Build")
            settings = await self._ai.usable(game.studio_id, "chat")
            if settings is None:
                raise errors.requires_premium("Suggestions need a chat key of the studio's own")
            return _json(await self._suggestions(game, values, builds, settings.chat.id))

        async def archetypes_of(request: Request, caller: Caller, values: dict[str, Any]) -> Response:
            await gate.take_ai_read(caller)
            game = await gate.game(caller, segment(request, "game"))
            return _json(await grouped(self._queries, self._ai, game, values["env"]))

        return {"suggestions": suggestions, "archetypes": archetypes_of}

    async def close(self) -> None:
        """Nothing is open."""

    async def _suggestions(
        self,
        game: Game,
        values: dict[str, Any],
        builds: Mapping[str, build_compare.BuildFriction],
        model_id: str,
    ) -> ai_answers.Suggestions:
        """Those of a model, else a template's; none where there is no friction."""
        versions, environment = _versions(values), values["env"]
        last = versions[-1]
        if values["build"] is None:
            targets = targets_of_comparison(builds[versions[0]], builds[last])
        else:
            targets = targets_of_build(builds[last])
        answer = partial(
            ai_answers.Suggestions,
            ok=True,
            mode="compare-diff" if values["build"] is None else "single-build",
            game=answers.game(game),
            environment=environment,
            build=values["build"],
            a=values["a"],
            b=values["b"],
        )
        if targets:
            of_build = Conditions(game.studio_id).equal("game_id", "game", game.id)
            of_build.equal("build_id", "build", last).equal("environment", "environment", environment)
            targets = await with_insights(self._queries, of_build, targets)
        if not any(one.insights for one in targets):
            return answer(suggestions=[], source="fallback", empty_input=True)
        request = suggesting.suggestion_request(game.id, model_id, environment, versions, targets)
        found = await self._ai.answer(game.studio_id, request)
        if isinstance(found, AiAnswer):
            return answer(suggestions=suggesting.suggested(found.output), source="ai", empty_input=False)
        templates = suggesting.by_rule(last, targets)
        return answer(suggestions=templates, source="fallback", empty_input=False, reason=found)


def _versions(values: dict[str, Any]) -> list[str]:
    """The build, or the one before and the one after."""
    return [values[name] for name in ("build", "a", "b") if values[name] is not None]


def _json(answer: answers.Answer) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json")


def _issues(values: dict[str, Any]) -> list[Issue]:
    """What parameters say together."""
    issues = []
    alone, a, b = (values[name] is not None for name in ("build", "a", "b"))
    if alone == (a and b) or (alone and (a or b)):
        issues.append(custom(["build"], _ONE_OR_TWO))
    if values["env"] == ALL_ENVIRONMENTS:
        issues.append(custom(["env"], f"env must be one environment, not {ALL_ENVIRONMENTS}"))
    return issues
