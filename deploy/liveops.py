"""Live-ops: each room's part, joined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deploy.noun import Acting, Effect, Noun, Served, Tick
from projections.clickhouse.tables import event_tables
from projections.liveops.projection import LIVEOPS as PROJECTION
from projections.liveops.queries import LiveopsQueries
from projections.liveops.table_rows import EVENTS_TABLE
from projections.liveops.tables import LIVEOPS_TABLES
from projections.liveops.views import FOLDER as VIEWS
from projections.liveops.webhooks import LIVEOPS as NOTIFIED
from schemas.liveops.noun import LIVEOPS_EVENTS, NOUN
from streams.deciders.liveops.noun import LIVEOPS as DECIDER
from streams.liveops.lobbies import LobbyManager
from streams.liveops.rank_rewards import RankRewards
from streams.liveops.windows import WindowManager

if TYPE_CHECKING:
    from streams.effect_reader import Reading


def _rank_rewards(acting: Acting, reading: Reading) -> RankRewards:
    return RankRewards(acting.asker, reading)


def _managers(acting: Acting) -> dict[str, Tick]:
    dues = LiveopsQueries(acting.stores.of(PROJECTION))
    return {
        "windows": WindowManager(acting.asker, dues, partitions=acting.events.partitions).tick,
        "lobbies": LobbyManager(acting.asker, dues).tick,
    }


def _served() -> Served:
    from deploy.serving.liveops import SERVED  # noqa: PLC0415 - see there

    return SERVED


LIVEOPS: Final = Noun(
    schema=NOUN,
    served=_served,
    decider=DECIDER,
    projection=PROJECTION,
    tables=(event_tables(LIVEOPS_EVENTS, LIVEOPS_TABLES, kept=(EVENTS_TABLE,)),),
    views=VIEWS,
    notified=NOTIFIED,
    effects={"rank-rewards": Effect(open=_rank_rewards)},
    managers=_managers,
)
