"""S1's reads that ask an AI. No studio can give an AI key yet: they answer what they answer without one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec
from fastapi import Request, Response

from api.segments import segment
from api.telemetry import ai_answers, errors
from api.telemetry.ai_routes import ROUTES
from api.telemetry.parameters import ALL_ENVIRONMENTS
from api.telemetry.sections import Handler
from projections.telemetry.queries import archetypes, build_compare
from schemas.edge.zod import Issue, custom

if TYPE_CHECKING:
    from api.telemetry.access import Gate
    from projections.telemetry.queries.client import Queries
    from schemas.telemetry.access import Caller

_ONE_OR_TWO: Final = "Give either build, or a and b"


class AiSection:
    """Implements `api.telemetry.sections.Section`."""

    routes = ROUTES

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    def handlers(self, gate: Gate) -> Mapping[str, Handler]:
        """By the names of the routes."""

        async def suggestions(_: Request, caller: Caller, values: dict[str, Any]) -> Response:
            await gate.take_ai_read(caller)
            if issues := _issues(values):
                raise errors.invalid(issues)
            game = await gate.game(caller, values["game"])
            versions = sorted({values[name] for name in ("build", "a", "b")} - {None})
            known = await build_compare.builds_with_sessions(
                self._queries, game.studio_id, game.id, versions, values["env"]
            )
            if known != {*versions}:
                raise errors.not_found("Build")
            raise errors.requires_premium("Suggestions need a chat key of the studio's own")

        async def archetypes_of(request: Request, caller: Caller, values: dict[str, Any]) -> Response:
            await gate.take_ai_read(caller)
            game = await gate.game(caller, segment(request, "game"))
            testers = await archetypes.tester_count(self._queries, game.studio_id, game.id, values["env"])
            answer = ai_answers.Archetypes(
                archetypes=[], tester_count=testers, model_id=None, reason="requires_byo_key"
            )
            return Response(msgspec.json.encode(answer), media_type="application/json")

        return {"suggestions": suggestions, "archetypes": archetypes_of}

    async def close(self) -> None:
        """Nothing is open."""


def _issues(values: dict[str, Any]) -> list[Issue]:
    """What parameters say together."""
    issues = []
    alone, a, b = (values[name] is not None for name in ("build", "a", "b"))
    if alone == (a and b) or (alone and (a or b)):
        issues.append(custom(["build"], _ONE_OR_TWO))
    if values["env"] == ALL_ENVIRONMENTS:
        issues.append(custom(["env"], f"env must be one environment, not {ALL_ENVIRONMENTS}"))
    return issues
