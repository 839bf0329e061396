"""Makes the text about an experiment's comparison, for the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.clock import now_ms
from projections.telemetry.queries.client import ClickHouseQueries
from projections.telemetry.queries.comparison import compare, compared_of
from projections.telemetry.queries.experiment_digest import rule_digest
from schemas.edge.ports import StoreUnavailable
from schemas.studio.experiments import experiments_of

if TYPE_CHECKING:
    from deploy.settings import Settings
    from projections.studio.queries import StudioQueries
    from schemas.studio.experiments import Digest


async def digest_now(
    settings: Settings, studios: StudioQueries, studio_id: str, experiment_id: str
) -> Digest:
    """The text that rules make of the comparison as it is now. Raises StoreUnavailable."""
    life = await studios.experiment(studio_id, experiment_id)
    game = await studios.game(life.game_id) if life is not None else None
    compared = compared_of(game, life) if game is not None and life is not None else None
    if game is None or compared is None:
        raise StoreUnavailable(f"experiment {experiment_id} is not there any more")
    variants = next(one.variants for one in experiments_of(game.definition) if one.id == experiment_id)
    queries = ClickHouseQueries(settings.clickhouse_url, settings.clickhouse_database)
    try:
        return rule_digest(await compare(queries, compared, now_ms()), variants)
    finally:
        await queries.close()
