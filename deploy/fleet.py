"""The fleet of game servers: each room's part, joined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deploy.noun import Acting, Effect, Noun, Served, Tick
from deploy.object_store import open_objects
from projections.clickhouse.tables import event_tables
from projections.fleet.event_tables import ARCHIVE, FLEET_TABLES, TRANSITIONS
from projections.fleet.projection import FLEET as PROJECTION
from projections.fleet.queries.state import FleetQueries
from projections.fleet.telemetry_columns import LOGS
from projections.fleet.telemetry_tables import TELEMETRY_TABLES
from projections.fleet.views import FOLDER as VIEWS
from projections.fleet.webhooks import FLEET as NOTIFIED
from projections.studio.queries import StudioQueries
from schemas.fleet.noun import FLEET_EVENTS, FLEET_TELEMETRY, NOUN
from schemas.liveops.noun import LIVEOPS_EVENTS
from schemas.studio.noun import STUDIO_EVENTS
from streams.deciders.fleet.noun import FLEET as DECIDER
from streams.fleet.build_leftovers import BuildLeftovers
from streams.fleet.dues import DueManager
from streams.fleet.hosting_definitions import HostingDefinitions
from streams.fleet.lobby_servers import LobbyServers
from streams.fleet.uploads import UploadManager

if TYPE_CHECKING:
    from streams.effect_reader import Reading


def _managers(acting: Acting) -> dict[str, Tick]:
    dues = DueManager(acting.asker, FleetQueries(acting.redis), partitions=acting.events.partitions)
    uploads = UploadManager(acting.asker, FleetQueries(acting.redis), open_objects(acting.settings))
    return {"fleet": dues.tick, "uploads": uploads.tick}


def _build_leftovers(acting: Acting, reading: Reading) -> BuildLeftovers:
    return BuildLeftovers(open_objects(acting.settings), reading)


def _hosting_definitions(acting: Acting, reading: Reading) -> HostingDefinitions:
    return HostingDefinitions(
        acting.asker,
        reading,
        directory=StudioQueries(acting.redis),
    )


def _lobby_servers(acting: Acting, reading: Reading) -> LobbyServers:
    return LobbyServers(
        acting.asker,
        reading,
        directory=StudioQueries(acting.redis),
    )


def _served() -> Served:
    from deploy.serving.fleet import SERVED  # noqa: PLC0415 - see there

    return SERVED


FLEET: Final = Noun(
    schema=NOUN,
    served=_served,
    decider=DECIDER,
    projection=PROJECTION,
    tables=(
        event_tables(FLEET_EVENTS, FLEET_TABLES, kept=(TRANSITIONS, ARCHIVE)),
        event_tables(FLEET_TELEMETRY, TELEMETRY_TABLES, kept=(LOGS,)),
    ),
    views=VIEWS,
    notified=NOTIFIED,
    managers=_managers,
    effects={
        "build-leftovers": Effect(open=_build_leftovers),
        "hosting-definitions": Effect(open=_hosting_definitions, reads=STUDIO_EVENTS),
        "lobby-servers": Effect(open=_lobby_servers, reads=LIVEOPS_EVENTS),
    },
)
