"""What can be asked about studios, games, keys and definitions. Bodies of `schemas.envelope.Command`."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from schemas.codec import Codec, Message
from schemas.edge.ports import KeyKind
from schemas.playtests.pricing import PlaytestPricing
from schemas.studio.ai import AiPurpose, AiSettings
from schemas.studio.ai_requests import AiRequest, AiResult
from schemas.studio.discord import DiscordMessage
from schemas.studio.experiments import Digest
from schemas.studio.games import GameSettings


class DefinedGame(msgspec.Struct, frozen=True, kw_only=True):
    """One game of a definition file. Without an id the slug says which game is meant."""

    id: str | None
    settings: GameSettings


class DefineStudio(Message, frozen=True, kw_only=True):
    """Make a studio and its games what one definition file says, all of it or nothing.

    The slug names the studio. Games the file does not name stay as they are. Asking twice changes nothing.
    """

    WIRE: ClassVar[str] = "studio.studio-define.v1"

    slug: str
    name: str
    plan: str = "free"
    playtest_pricing: PlaytestPricing | UnsetType = UNSET
    """UNSET: the default prices."""
    ai: AiSettings | UnsetType = UNSET
    """UNSET: the default models and budget."""
    games: list[DefinedGame] = []


class CreateKey(Message, frozen=True, kw_only=True):
    """Create a credential of `Command.studio_id`. The value itself never travels, only its hash.

    `game_id` is empty for account-wide kinds; `tester_id` is set for `wpg_pt` alone.
    """

    WIRE: ClassVar[str] = "studio.key-create.v1"

    kind: KeyKind
    hash: str
    """`schemas.identifiers.key_hash` of the value."""
    name: str = ""
    game_id: str = ""
    tester_id: str = ""


class RotateKey(Message, frozen=True, kw_only=True):
    """Give a key another value; the old one is refused from the moment this is answered."""

    WIRE: ClassVar[str] = "studio.key-rotate.v1"

    key_id: str
    hash: str


class RevokeKey(Message, frozen=True, kw_only=True):
    """End a key for good."""

    WIRE: ClassVar[str] = "studio.key-revoke.v1"

    key_id: str


class ExperimentCommand(Message, frozen=True, kw_only=True):
    """Base: about one experiment of `Command.studio_id`."""

    experiment_id: str


class StartExperiment(ExperimentCommand, frozen=True, kw_only=True):
    """Let a draft run: from now on what it assigns by is locked."""

    WIRE: ClassVar[str] = "studio.experiment-start.v1"


class StopExperiment(ExperimentCommand, frozen=True, kw_only=True):
    """End a run."""

    WIRE: ClassVar[str] = "studio.experiment-stop.v1"


class ResumeExperiment(ExperimentCommand, frozen=True, kw_only=True):
    """Let a stopped one run again, with the same assignment."""

    WIRE: ClassVar[str] = "studio.experiment-resume.v1"


class PickExperimentWinner(ExperimentCommand, frozen=True, kw_only=True):
    """Say which variant won; None takes it back."""

    WIRE: ClassVar[str] = "studio.experiment-winner-pick.v1"

    variant_key: str | None


class MakeExperimentDigest(ExperimentCommand, frozen=True, kw_only=True):
    """Keep a text about the comparison, in place of the one before."""

    WIRE: ClassVar[str] = "studio.experiment-digest-make.v1"

    digest: Digest


class SetAiKey(Message, frozen=True, kw_only=True):
    """Give `Command.studio_id` a provider's key, in place of the one before. It travels sealed alone."""

    WIRE: ClassVar[str] = "studio.ai-key-set.v1"

    purpose: AiPurpose
    sealed: str
    """`schemas.studio.ai.sealed_key` of the value."""


class ClearAiKey(Message, frozen=True, kw_only=True):
    """Forget a provider's key."""

    WIRE: ClassVar[str] = "studio.ai-key-clear.v1"

    purpose: AiPurpose


class PauseAiKey(Message, frozen=True, kw_only=True):
    """A provider refused a key with a status: ask nothing with this version of it any more."""

    WIRE: ClassVar[str] = "studio.ai-key-pause.v1"

    purpose: AiPurpose
    version: int
    status: int


class RequestAi(Message, frozen=True, kw_only=True):
    """Ask an AI for `Command.studio_id`. Changes nothing where the same was asked, or is being asked."""

    WIRE: ClassVar[str] = "studio.ai-request.v1"

    request: AiRequest


class StartAi(Message, frozen=True, kw_only=True):
    """A worker is about to call the provider for a request: no other may."""

    WIRE: ClassVar[str] = "studio.ai-start.v1"

    hash: str
    attempt: int
    runner: str
    """The worker's own random name."""


class FinishAi(Message, frozen=True, kw_only=True):
    """What came of a request."""

    WIRE: ClassVar[str] = "studio.ai-finish.v1"

    hash: str
    attempt: int
    result: AiResult


class TakeDiscordMessages(Message, frozen=True, kw_only=True):
    """Add a thread's messages to its session in `Command.game_id`, or begin one.

    A message whose id the session has is left out, so asking twice adds nothing.
    """

    WIRE: ClassVar[str] = "studio.discord-messages-take.v1"

    channel_id: str
    thread_id: str = ""
    """Empty: the channel itself."""
    title: str = ""
    build: str = ""
    messages: list[DiscordMessage] = []


COMMANDS: Codec[Message] = Codec(
    (
        DefineStudio,
        CreateKey,
        RotateKey,
        RevokeKey,
        StartExperiment,
        StopExperiment,
        ResumeExperiment,
        PickExperimentWinner,
        MakeExperimentDigest,
        SetAiKey,
        ClearAiKey,
        PauseAiKey,
        RequestAi,
        StartAi,
        FinishAi,
        TakeDiscordMessages,
    )
)
