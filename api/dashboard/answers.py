"""What the routes under `/dashboard/data` answer, and the shape of their refusals."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from api.dashboard.ports import LiveMinute
from projections.liveops.queries_economy import Economy
from projections.telemetry.queries.dashboard_builds import BuildFigures
from projections.telemetry.queries.dashboard_dictionary import View
from projections.telemetry.queries.dashboard_events import EventName
from projections.telemetry.queries.dashboard_feedback import Tally, TextAnswer
from projections.telemetry.queries.dashboard_fps import BuildFps
from projections.telemetry.queries.dashboard_models import LevelModel
from schemas.lag import ProjectionLag
from schemas.liveops.resources import Grant, Item, KnownPlayer, Movement, WalletEntry


class Error(msgspec.Struct, frozen=True, omit_defaults=True):
    """A refusal: a code for scripts, a sentence for people, and the parameter that is wrong."""

    error: str
    message: str
    field: str | None = None


class Dictionary(msgspec.Struct, frozen=True):
    """The views that analysts ask, by name, with their columns."""

    views: list[View]


class PickedGame(msgspec.Struct, frozen=True):
    """A game that the session may look at."""

    id: str
    slug: str
    name: str


class Session(msgspec.Struct, frozen=True):
    """The studio's name, the kind of key that signed in, and the games to pick from, by name.

    `expires_at` is unix milliseconds.
    """

    studio: str
    kind: str
    expires_at: int
    games: list[PickedGame]


class Projections(msgspec.Struct, frozen=True):
    """Every projection, in a stable order."""

    projections: list[ProjectionLag]


class Live(msgspec.Struct, frozen=True):
    """The minutes of the last hour that had events, by arrival. `now` is unix milliseconds."""

    now: int
    minutes: list[LiveMinute]


class EventNames(msgspec.Struct, frozen=True):
    """Event names, the most frequent first."""

    names: list[EventName]


class FrameRates(msgspec.Struct, frozen=True):
    """Frame rates by build, the newest build first."""

    builds: list[BuildFps]


class Builds(msgspec.Struct, frozen=True):
    """Builds side by side, the newest first."""

    builds: list[BuildFigures]


class FeedbackPanel(msgspec.Struct, frozen=True):
    """What players answered: values of ratings and yes-no questions, and the newest 50 texts."""

    tallies: list[Tally]
    texts: list[TextAnswer]


class Models(msgspec.Struct, frozen=True):
    """The level models that the game has uploaded."""

    models: list[LevelModel]


class EconomyPanel(msgspec.Struct, frozen=True):
    """What was minted, spent and held, and the catalog's names by `type key`."""

    flows_of: Economy
    names: dict[str, str]


class NamedEvent(msgspec.Struct, frozen=True):
    """An event of the game's definition. `mode` says which leaderboards it has."""

    key: str
    name: str
    mode: str


class BoardPanel(msgspec.Struct, frozen=True):
    """The events to choose from, and the chosen one's leaderboard; `board` is null where it has none.

    Times are unix milliseconds, null where no window is open.
    """

    events: list[NamedEvent]
    event: str | None
    order: str | None
    starts_at: int | None
    ends_at: int | None
    board_id: str | None
    board: msgspec.Raw | None
    """A LeaderboardResponse, encoded already."""


class PlayerPanel(msgspec.Struct, frozen=True, rename="camel"):
    """Everything of the player that was asked for; `player` alone, and null, where the game has none.

    `names` are the catalog's, by `type key`.
    """

    asked: str
    player: KnownPlayer | None
    names: dict[str, str] | UnsetType = UNSET
    wallet: list[WalletEntry] | UnsetType = UNSET
    inventory: list[Item] | UnsetType = UNSET
    pending_grants: list[Grant] | UnsetType = UNSET
    ledger: list[Movement] | UnsetType = UNSET
    next_cursor: str | UnsetType | None = UNSET
