"""The shapes of an S1 batch: what `POST /api/telemetry` takes, and how it is named where it is wrong.

Source: contract/telemetry.md, "S1 ingest", and the S1 reference for sources, environments and error shapes.
`schemas.telemetry.s1` makes them of a body. Decisions the contract leaves open: `source` defaults to
python-telemetry, `events` to none; an optional field may be null; `environment` must be a slug as the reads
ask for it.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import Meta

from schemas.edge.zod import Issue
from schemas.telemetry.values import Finite, Properties

BODY_BYTES_MAX: Final = 1024 * 1024
EVENTS_MAX: Final = 1000

Source = Literal[
    "manual",
    "discord",
    "unity-telemetry",
    "unreal-telemetry",
    "godot-telemetry",
    "python-telemetry",
    "typescript-telemetry",
    "obs",
]
SOURCES: Final[tuple[str, ...]] = get_args(Source)
SentSource = Literal[
    "manual",
    "unity-telemetry",
    "unreal-telemetry",
    "godot-telemetry",
    "python-telemetry",
    "typescript-telemetry",
    "obs",
]
"""What an ingest key may send: `discord` sessions come from POST /api/webhooks/discord alone."""
SENT_SOURCES: Final[tuple[str, ...]] = get_args(SentSource)
DEFAULT_SOURCE: Final[Source] = "python-telemetry"
DEFAULT_ENVIRONMENT: Final = "production"
ENVIRONMENT_PATTERN: Final = r"^[a-z0-9_-]{1,64}\Z"

Id = Annotated[str, Meta(min_length=1, max_length=128)]
GameName = Annotated[str, Meta(min_length=1, max_length=120, description="Game id or slug")]
Moment = Annotated[int | float | str, Meta(description="Unix milliseconds, or ISO 8601")]
"""As sent."""
_UnwiredMap = Annotated[dict[str, Any], Meta(min_length=1, max_length=0)]
_Unwired = Annotated[int, Meta(ge=1, le=0)]


class Event(
    msgspec.Struct, forbid_unknown_fields=True, gc=False, rename={"at_ms": "·at_ms", "extras": "·extras"}
):
    """One S1 event. `at_ms` is `t` in unix milliseconds; `extras` holds the unknown fields."""

    name: Annotated[str, Meta(min_length=1, max_length=256)]
    t: Moment
    x: Finite | None = None
    y: Finite | None = None
    z: Finite | None = None
    room: str | None = None
    seq: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    props: Properties | None = None
    at_ms: _Unwired = 0
    extras: _UnwiredMap | None = None


class Metadata(msgspec.Struct, gc=False, rename={"game_version": "gameVersion"}):
    """The fields of `metadata` that are read by name; `Batch.metadata` keeps all of it."""

    game_version: str | None = None
    environment: Annotated[str, Meta(pattern=ENVIRONMENT_PATTERN)] | None = None
    platform: str | None = None


class Batch(
    msgspec.Struct,
    forbid_unknown_fields=True,
    rename={
        "game": "gameId",
        "session_id": "sessionId",
        "device_id": "deviceId",
        "tester_handle": "testerHandle",
        "started_at": "startedAt",
        "started_at_ms": "·started_at_ms",
        "labels": "·labels",
    },
):
    """One request of S1 telemetry. `game` is an id or a slug as sent: the part in the log names the game.

    `started_at_ms` is `startedAt` in unix milliseconds, None where it was not sent. `labels` is `metadata`
    read by name.
    """

    game: GameName
    session_id: Id
    device_id: Id
    events: Annotated[list[Event], Meta(max_length=EVENTS_MAX)] = []
    source: Source | None = DEFAULT_SOURCE
    metadata: Properties | None = None
    title: str | None = None
    tester_handle: str | None = None
    experiments: Annotated[dict[str, str], Meta(max_length=256)] | None = None
    started_at: Moment | None = None
    ended: bool | None = False
    started_at_ms: _Unwired | None = None
    labels: Metadata | None = None


class InvalidBatch(ValueError):
    """400: what is wrong, first issue first."""

    def __init__(self, *issues: Issue) -> None:
        super().__init__(issues[0].message)
        self.issues = list(issues)
