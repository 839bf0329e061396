"""Which events of this noun are administrative acts, and what each was done to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from schemas.codec import Message
from schemas.fleet import events

ACTS: Final[Mapping[type[Message], str]] = {
    events.SettingsChanged: "game_id",
    events.BuildCreated: "build.id",
    events.BuildDeleted: "build.id",
}
ACTS_OF_KEYS: Final[Mapping[type[Message], str]] = {
    events.ServerQueued: "server.instance_id",
    events.ServerPlaced: "server.instance_id",
    events.ServerClaimed: "server.instance_id",
    events.ServerRestarting: "server.instance_id",
    events.ServerStopping: "server.instance_id",
    events.ServerUpdated: "server.instance_id",
}
