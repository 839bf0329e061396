"""What happened to studios, games, keys and definitions. Data of `schemas.envelope.Event`.

Events carry resulting values, so that a projection sets and never computes. NOTE: stored: a field may be
added with a default; anything else is a new wire name with an upcaster in EVENTS.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import UNSET, UnsetType

from schemas.codec import Codec, Message
from schemas.playtests.pricing import PlaytestPricing
from schemas.studio.ai import AiKey, AiPurpose, AiSettings
from schemas.studio.ai_requests import AiRequest, AiResult
from schemas.studio.discord import DiscordMessage
from schemas.studio.experiments import Digest, ExperimentLife
from schemas.studio.games import GameSettings


class StudioEvent(Message, frozen=True, kw_only=True):
    """Base: the studio is the aggregate of every event of this noun."""

    studio_id: str


class StudioDefined(StudioEvent, frozen=True, kw_only=True):
    """A studio came to be."""

    WIRE: ClassVar[str] = "studio.studio-defined.v1"

    slug: str
    name: str
    plan: str
    created_at_ms: int
    playtest_pricing: PlaytestPricing | UnsetType = UNSET
    """UNSET: the default prices."""
    ai: AiSettings | UnsetType = UNSET
    """UNSET: the default models and budget."""


class StudioChanged(StudioEvent, frozen=True, kw_only=True):
    """A studio's name, plan or prices are others now. `changed` names the fields."""

    WIRE: ClassVar[str] = "studio.studio-changed.v1"

    slug: str
    name: str
    plan: str
    created_at_ms: int
    changed: list[str]
    playtest_pricing: PlaytestPricing | UnsetType = UNSET
    ai: AiSettings | UnsetType = UNSET


class GameDefined(StudioEvent, frozen=True, kw_only=True):
    """A game came to be, with its first definition (version 1)."""

    WIRE: ClassVar[str] = "studio.game-defined.v1"

    game_id: str
    settings: GameSettings
    definition_version: int
    definition_hash: str
    created_at_ms: int


class GameChanged(StudioEvent, frozen=True, kw_only=True):
    """A game's definition is another now: the whole new one, its version, and what changed by YAML field."""

    WIRE: ClassVar[str] = "studio.game-changed.v1"

    game_id: str
    settings: GameSettings
    definition_version: int
    definition_hash: str
    created_at_ms: int
    changed: list[str]
    previous_slug: str


class KeyCreated(StudioEvent, frozen=True, kw_only=True):
    """A credential came to be."""

    WIRE: ClassVar[str] = "studio.key-created.v1"

    key_id: str
    kind: str
    name: str
    game_id: str
    tester_id: str
    hash: str
    created_at_ms: int


class KeyRotated(StudioEvent, frozen=True, kw_only=True):
    """A credential has another value; `previous_hash` is invalid from now on."""

    WIRE: ClassVar[str] = "studio.key-rotated.v1"

    key_id: str
    kind: str
    name: str
    game_id: str
    tester_id: str
    hash: str
    previous_hash: str
    created_at_ms: int
    rotated_at_ms: int


class KeyRevoked(StudioEvent, frozen=True, kw_only=True):
    """A credential ended."""

    WIRE: ClassVar[str] = "studio.key-revoked.v1"

    key_id: str
    kind: str
    game_id: str
    hash: str
    revoked_at_ms: int


class ExperimentEvent(StudioEvent, frozen=True, kw_only=True):
    """Base: `experiment` is its life after the event. What it assigns is in its game's settings."""

    experiment: ExperimentLife


class ExperimentCreated(ExperimentEvent, frozen=True, kw_only=True):
    """A file had an experiment for the first time."""

    WIRE: ClassVar[str] = "studio.experiment-created.v1"


class ExperimentStarted(ExperimentEvent, frozen=True, kw_only=True):
    """A draft runs."""

    WIRE: ClassVar[str] = "studio.experiment-started.v1"


class ExperimentStopped(ExperimentEvent, frozen=True, kw_only=True):
    """A run ended."""

    WIRE: ClassVar[str] = "studio.experiment-stopped.v1"


class ExperimentResumed(ExperimentEvent, frozen=True, kw_only=True):
    """A stopped one runs again."""

    WIRE: ClassVar[str] = "studio.experiment-resumed.v1"


class ExperimentWinnerPicked(ExperimentEvent, frozen=True, kw_only=True):
    """A variant won, or none any more."""

    WIRE: ClassVar[str] = "studio.experiment-winner-picked.v1"


class ExperimentDeleted(ExperimentEvent, frozen=True, kw_only=True):
    """A file left it out; its id never comes back."""

    WIRE: ClassVar[str] = "studio.experiment-deleted.v1"


class ExperimentDigestMade(StudioEvent, frozen=True, kw_only=True):
    """There is a text about its comparison."""

    WIRE: ClassVar[str] = "studio.experiment-digest-made.v1"

    game_id: str
    experiment_id: str
    digest: Digest


class AiEvent(StudioEvent, frozen=True, kw_only=True):
    """Base: about what a studio asks of AI providers."""


class AiKeyEvent(AiEvent, frozen=True, kw_only=True):
    """Base: `key` is what is stored of a provider's key after the event, its value sealed."""

    key: AiKey


class AiKeySet(AiKeyEvent, frozen=True, kw_only=True):
    """A studio gave a provider's key, the first or another."""

    WIRE: ClassVar[str] = "studio.ai-key-was-set.v1"


class AiKeyPaused(AiKeyEvent, frozen=True, kw_only=True):
    """Its provider refused it: it is not used until another is set."""

    WIRE: ClassVar[str] = "studio.ai-key-paused.v1"


class AiKeyCleared(AiEvent, frozen=True, kw_only=True):
    """A studio took a provider's key back."""

    WIRE: ClassVar[str] = "studio.ai-key-cleared.v1"

    purpose: AiPurpose


class AiRequested(AiEvent, frozen=True, kw_only=True):
    """An AI is to be asked. `attempt` counts from 1 how often the same was asked, after failures."""

    WIRE: ClassVar[str] = "studio.ai-requested.v1"

    request: AiRequest
    hash: str
    attempt: int
    requested_at_ms: int


class AiCallStarted(AiEvent, frozen=True, kw_only=True):
    """A worker calls the provider."""

    WIRE: ClassVar[str] = "studio.ai-call-started.v1"

    hash: str
    attempt: int
    runner: str
    started_at_ms: int


class AiFinished(AiEvent, frozen=True, kw_only=True):
    """A request is done, well or not. `month_tokens` is what its month has taken with it.

    What was forgotten for it: the results `dropped`, their vectors, and the summaries by `text_key`.
    """

    WIRE: ClassVar[str] = "studio.ai-finished.v1"

    request: AiRequest
    """Without its input."""
    hash: str
    attempt: int
    result: AiResult
    month: str
    month_tokens: int
    finished_at_ms: int
    dropped: list[str] = []
    dropped_vectors: list[str] = []
    dropped_texts: list[str] = []


class DiscordEvent(StudioEvent, frozen=True, kw_only=True):
    """Base: a call brought messages of a thread. All that its session shows of the call is in here."""

    game_id: str
    channel_id: str
    thread_id: str
    """Empty: the channel itself."""
    session_id: str
    device_id: str
    tester_handle: str
    """The session's sole author so far; the device where there are several; empty where there is none."""
    title: str
    build: str
    """As the call said; empty where it said none."""
    messages: list[DiscordMessage]
    """Those that are new to the session, as they were sent."""
    first_number: int
    """The first of them's position in the session, from 1."""
    called_at_ms: int


class DiscordSessionOpened(DiscordEvent, frozen=True, kw_only=True):
    """A thread had no session that takes messages, and has one now."""

    WIRE: ClassVar[str] = "studio.discord-session-opened.v1"


class DiscordMessagesAppended(DiscordEvent, frozen=True, kw_only=True):
    """A call was about the thread's open session, whether or not it brought anything new."""

    WIRE: ClassVar[str] = "studio.discord-messages-appended.v1"


EVENTS: Codec[Message] = Codec(
    (
        StudioDefined,
        StudioChanged,
        GameDefined,
        GameChanged,
        KeyCreated,
        KeyRotated,
        KeyRevoked,
        ExperimentCreated,
        ExperimentStarted,
        ExperimentStopped,
        ExperimentResumed,
        ExperimentWinnerPicked,
        ExperimentDeleted,
        ExperimentDigestMade,
        AiKeySet,
        AiKeyPaused,
        AiKeyCleared,
        AiRequested,
        AiCallStarted,
        AiFinished,
        DiscordSessionOpened,
        DiscordMessagesAppended,
    )
)
