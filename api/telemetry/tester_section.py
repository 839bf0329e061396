"""S1's reads of builds side by side, of a tester's journey and of feedback forms."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
from fastapi import Request, Response

from api.segments import segment
from api.telemetry import answers, errors, journey_answers, tester_answers
from api.telemetry.parameters import ALL_ENVIRONMENTS, JOURNEY_PATH
from api.telemetry.sections import Handler, cached
from api.telemetry.summaries import ai_summary
from api.telemetry.tester_routes import ROUTES
from projections.telemetry.queries import build_compare, feedback, journeys
from projections.telemetry.queries.cache import RefreshingCache
from schemas.edge import zod_query

if TYPE_CHECKING:
    from api.telemetry.access import Gate
    from api.telemetry.ai_ports import Ai
    from projections.telemetry.queries.client import Queries
    from schemas.telemetry.access import Caller

_CACHE_BYTES: Final = 32 * 1024 * 1024
_BUILD_BYTES: Final = 1_000
_TAG_BYTES: Final = 900
_KEPT: Final = 2
"""Comparisons that stay up to date without a reader: each costs a scan of the game's insights."""


class CompareKey(msgspec.Struct, frozen=True):
    """What is compared. `environment` is None for all of them."""

    studio_id: str
    game_id: str
    versions: tuple[str, ...]
    environment: str | None


Builds: TypeAlias = "Mapping[str, build_compare.BuildFriction]"


class TesterSection:
    """Implements `api.telemetry.sections.Section`."""

    routes = ROUTES

    def __init__(self, queries: Queries, ai: Ai, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._queries = queries
        self._ai = ai

        async def load(key: CompareKey, _: Builds | None) -> Builds:
            return await build_compare.builds_friction(
                queries, key.studio_id, key.game_id, [*key.versions], key.environment
            )

        self._builds: RefreshingCache[CompareKey, Builds] = RefreshingCache(
            load, monotonic=monotonic, weigh=_weight, weight=_CACHE_BYTES, kept=_KEPT
        )

    def handlers(self, gate: Gate) -> Mapping[str, Handler]:
        """By the names of the routes."""

        async def compare(_: Request, caller: Caller, values: dict[str, Any]) -> Response:
            game = await gate.game(caller, values["game"])
            environment = None if values["env"] == ALL_ENVIRONMENTS else values["env"]
            versions = tuple(sorted({values["a"], values["b"]}))
            served = await self._builds.get(CompareKey(game.studio_id, game.id, versions, environment))
            a, b = served.value.get(values["a"]), served.value.get(values["b"])
            if a is None or b is None:
                raise errors.not_found("Build")
            answer = tester_answers.compared(game, values["env"], a, b)
            return cached(msgspec.json.encode(answer), served)

        async def journey(request: Request, caller: Caller, values: dict[str, Any]) -> Response:
            asked = {"game": segment(request, "game"), "deviceId": segment(request, "device_id")}
            try:
                zod_query.read(JOURNEY_PATH, asked)
            except zod_query.Invalid as invalid:
                raise errors.invalid(invalid.issues) from invalid
            game = await gate.game(caller, asked["game"])
            found = await journeys.journey(
                self._queries, game.studio_id, game.id, asked["deviceId"], values["env"]
            )
            if found is None:
                raise errors.not_found("Tester")
            device_id = found.sessions[-1].device_id
            summary = await ai_summary(self._ai, game, "tester-summary", values["env"], device_id)
            return _json(journey_answers.journey(game, found, summary))

        async def prompts(request: Request, caller: Caller, _: dict[str, Any]) -> Response:
            game = await gate.game(caller, segment(request, "id"))
            counts = await feedback.response_counts(self._queries, game.studio_id, game.id)
            return _json(tester_answers.forms(game, counts))

        return {"compare": compare, "journey": journey, "prompts": prompts}

    async def close(self) -> None:
        """Forget what is cached."""
        await self._builds.close()


def _json(answer: answers.Answer) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json")


def _weight(builds: Builds) -> int:
    return sum(_BUILD_BYTES + _TAG_BYTES * len(build.tags) for build in builds.values())
