"""Which events of this noun are administrative acts, and what each was done to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from schemas.codec import Message
from schemas.studio import events

ACTS: Final[Mapping[type[Message], str]] = {
    events.StudioDefined: "slug",
    events.StudioChanged: "slug",
    events.GameDefined: "settings.slug",
    events.GameChanged: "settings.slug",
    events.KeyCreated: "key_id",
    events.KeyRotated: "key_id",
    events.KeyRevoked: "key_id",
    events.ExperimentCreated: "experiment.id",
    events.ExperimentStarted: "experiment.id",
    events.ExperimentStopped: "experiment.id",
    events.ExperimentResumed: "experiment.id",
    events.ExperimentWinnerPicked: "experiment.id",
    events.ExperimentDeleted: "experiment.id",
    events.ExperimentDigestMade: "experiment_id",
    events.AiKeySet: "key.purpose",
    events.AiKeyPaused: "key.purpose",
    events.AiKeyCleared: "purpose",
}
