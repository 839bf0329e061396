"""Which events of this noun are administrative acts, and what each was done to."""

from __future__ import annotations

from typing import Final

from schemas.fleet import events

ACTS: Final = {
    events.SettingsChanged: "game_id",
    events.BuildCreated: "build.id",
    events.BuildDeleted: "build.id",
}
ACTS_OF_KEYS: Final = {
    events.ServerQueued: "server.id",
    events.ServerPlaced: "server.id",
    events.ServerClaimed: "server.id",
    events.ServerRestarting: "server.id",
    events.ServerStopping: "server.id",
    events.ServerUpdated: "server.id",
}
