"""S1's reads about experiments, as a section: a game's list, and one experiment's comparison."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from fastapi import Request, Response

from api.segments import segment
from api.telemetry import errors, examples, experiment_answers
from api.telemetry.sections import cached, read_route
from projections.telemetry.queries.cache import RefreshingCache
from projections.telemetry.queries.comparison import Comparison, compare, compared_of
from projections.telemetry.queries.experiment_digest import srm_of
from schemas.studio.experiments import experiments_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from api.telemetry.access import Gate
    from api.telemetry.sections import Handler
    from projections.telemetry.queries.client import Queries
    from schemas.edge.ports import Directory, ExperimentRecords, Game
    from schemas.studio.experiments import ExperimentLife
    from schemas.telemetry.access import Caller

FRESH_S: Final = 5.0
STALE_S: Final = 30.0
"""No comparison is older when it is served."""
REFRESH_EVERY_S: Final = 10.0


class _Key(NamedTuple):
    """One experiment as it is defined now."""

    studio_id: str
    game_id: str
    experiment_id: str
    definition_version: int


ROUTES: Final = (
    read_route(
        "experiments",
        "/games/{id}/experiments",
        "Every experiment of a game that is not deleted. Newest first, then by id.",
        experiment_answers.Experiments,
        examples.EXPERIMENTS,
    ),
    read_route(
        "comparison",
        "/experiments/{experiment_id}/comparison",
        "One experiment's variants side by side. Sessions count that are tagged with the variant "
        "assigned to their device and build and that arrived while the experiment ran or in the 24 hours "
        "after; those of pinned devices do not. At most 30 seconds old (`X-Data-Age-Ms`).",
        experiment_answers.ComparisonAnswer,
        examples.COMPARISON,
    ),
)


class ExperimentSection:
    """Implements `api.telemetry.sections.Section`."""

    routes: Final = ROUTES

    def __init__(
        self,
        directory: Directory,
        experiments: ExperimentRecords,
        queries: Queries,
        clock_ms: Callable[[], int],
    ) -> None:
        self._directory = directory
        self._experiments = experiments
        self._queries = queries
        self._clock_ms = clock_ms
        self._comparisons: RefreshingCache[_Key, Comparison] = RefreshingCache(
            self._compare,
            monotonic=time.monotonic,
            weigh=_weight,
            fresh=FRESH_S,
            stale=STALE_S,
            every=REFRESH_EVERY_S,
            weight=8 * 1024 * 1024,
        )

    def handlers(self, gate: Gate) -> Mapping[str, Handler]:
        """By the names of the routes."""

        async def experiments(request: Request, caller: Caller, _: dict[str, Any]) -> Response:
            game = await gate.game(caller, segment(request, "id"))
            lives = await self._experiments.experiments(game.id)
            body = msgspec.json.encode(experiment_answers.experiments(game, lives))
            return Response(body, media_type="application/json")

        async def comparison(request: Request, caller: Caller, _: dict[str, Any]) -> Response:
            experiment_id = segment(request, "experiment_id")
            life = await self._experiments.experiment(caller.studio.id, experiment_id)
            if life is None:
                raise errors.not_found("Experiment")
            try:
                game = await gate.game(caller, life.game_id)
            except errors.Refused as refused:
                raise errors.not_found("Experiment") from refused
            return await self._comparison(life, game)

        return {"experiments": experiments, "comparison": comparison}

    async def close(self) -> None:
        """End what is loading."""
        await self._comparisons.close()

    async def _comparison(self, life: ExperimentLife, game: Game) -> Response:
        definition = next((one for one in experiments_of(game.definition) if one.id == life.id), None)
        if definition is None:  # the file that has it, or no longer has it, is on its way to this process
            raise errors.not_found("Experiment")
        key = _Key(game.studio_id, game.id, life.id, game.definition_version)
        served = await self._comparisons.get(key)
        digest = await self._experiments.digest(game.studio_id, life.id)
        found = served.value
        ratio = srm_of(found, definition.variants)
        answer = experiment_answers.comparison(life, definition, found, ratio, digest)
        return cached(msgspec.json.encode(answer), served)

    async def _compare(self, key: _Key, _: Comparison | None) -> Comparison:
        life = await self._experiments.experiment(key.studio_id, key.experiment_id)
        game = await self._directory.game(key.game_id)
        compared = compared_of(game, life) if game is not None and life is not None else None
        if compared is None:
            raise errors.not_found("Experiment")
        return await compare(self._queries, compared, self._clock_ms())


def _weight(found: Comparison) -> int:
    return len(msgspec.json.encode(found))
