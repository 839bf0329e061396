"""Makes the text about an experiment's comparison: by the studio's AI where it has one, else by rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from deploy.clickhouse_clients import clickhouse_queries_of
from deploy.clock import now_ms
from projections.telemetry.queries.comparison import compare, compared_of
from projections.telemetry.queries.experiment_digest import digest_request, rule_digest, worded
from schemas.edge.ports import StoreUnavailable
from schemas.studio.ai_requests import AiAnswer
from schemas.studio.experiments import experiments_of

if TYPE_CHECKING:
    from deploy.settings import Settings
    from projections.studio.queries import StudioQueries
    from projections.telemetry.queries.client import Queries
    from schemas.studio.experiments import Digest
    from streams.ai.asking import AiAsking

WAIT_S: Final = 110.0
"""For a model's answer where no HTTP request waits: longer than a worker waits for any provider."""


class DigestSource(NamedTuple):
    """What experiments there are, whom to ask, and how long."""

    studios: StudioQueries
    ai: AiAsking
    wait_s: float = WAIT_S


async def digest_now(settings: Settings, source: DigestSource, studio_id: str, experiment_id: str) -> Digest:
    """The text about the comparison as it is now. Raises StoreUnavailable."""
    queries = clickhouse_queries_of(settings)
    try:
        digest = await digest_of(queries, source, studio_id, experiment_id)
    finally:
        await queries.close()
    if digest is None:
        raise StoreUnavailable(f"experiment {experiment_id} is not there any more")
    return digest


async def digest_of(
    queries: Queries, source: DigestSource, studio_id: str, experiment_id: str
) -> Digest | None:
    """The same on stores that are open; None for an experiment that is not there. Raises StoreUnavailable."""
    studios, ai = source.studios, source.ai
    life = await studios.experiment(studio_id, experiment_id)
    game = await studios.game(life.game_id) if life is not None else None
    compared = compared_of(game, life) if game is not None and life is not None else None
    if game is None or compared is None:
        return None
    experiment = next(one for one in experiments_of(game.definition) if one.id == experiment_id)
    comparison = await compare(queries, compared, now_ms())
    rules = rule_digest(comparison, experiment.variants)
    settings = await ai.usable(studio_id, "chat")
    if settings is None:
        return rules
    request = digest_request(comparison, experiment, game_id=game.id, model_id=settings.chat.id)
    answer = await ai.answer(studio_id, request, wait_s=source.wait_s)
    return worded(rules, answer) if isinstance(answer, AiAnswer) else rules
