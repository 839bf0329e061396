"""What both HTTP edges need of the stores, as Protocols that `deploy` injects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, StrEnum
from typing import Any, Final, Protocol

import msgspec

from schemas.playtests.pricing import DEFAULT_PRICING, PlaytestPricing
from schemas.studio.ai import AiSettings
from schemas.studio.experiments import Digest, ExperimentLife


class KeyKind(StrEnum):
    """Every kind of credential; the value is the key's name in demo.json and in commands."""

    MANAGEMENT = "pl_mgmt"
    INGEST = "pl_ik"
    PLAYTEST_OWNER = "wpg_sk"
    PLAYTESTER = "wpg_pt"
    SDK_LIVE = "lo_live"
    SDK_TEST = "lo_test"
    SDK_SERVER = "lo_srv"
    PUBLIC_TOKEN = "public_token"  # noqa: S105 - the name of a kind of key
    SECRET_API = "secret_api_key"  # noqa: S105 - likewise
    HOSTING_SERVER = "pf"
    HOSTING_CLIENT = "pfclient"


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """The principal of a presented key. `game_id` is empty for account-wide kinds."""

    key_id: str
    kind: str
    studio_id: str
    game_id: str = ""
    tester_id: str = ""


class Studio(msgspec.Struct, frozen=True, kw_only=True):
    """A studio as look-ups need it. `plan` is free, indie or studio."""

    id: str
    slug: str
    name: str
    plan: str
    created_at_ms: int
    playtest_pricing: PlaytestPricing | msgspec.UnsetType = msgspec.UNSET
    """UNSET: the default prices; see `pricing`."""
    ai: AiSettings | msgspec.UnsetType = msgspec.UNSET
    """UNSET: the default models and budget; see `schemas.studio.ai.ai_of`."""

    @property
    def pricing(self) -> PlaytestPricing:
        """What its playtests cost and pay."""
        pricing = self.playtest_pricing
        return DEFAULT_PRICING if isinstance(pricing, msgspec.UnsetType) else pricing


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """A game's limits; None means unlimited. What UNSET means is said in `schemas.edge.sdk_limits`."""

    ingest_per_second: float | None = 10.0
    telemetry_per_minute: float | None = 120.0
    sdk_read_per_minute: float | None = 600.0
    sdk_write_per_minute: float | None = 300.0
    server_api_per_minute: float | None = 6000.0
    sdk_read_address_per_minute: float | msgspec.UnsetType | None = msgspec.UNSET
    sdk_write_address_per_minute: float | msgspec.UnsetType | None = msgspec.UNSET
    sdk_register_address_per_minute: float | msgspec.UnsetType | None = msgspec.UNSET
    sdk_read_key_per_minute: float | msgspec.UnsetType | None = msgspec.UNSET
    sdk_write_key_per_minute: float | msgspec.UnsetType | None = msgspec.UNSET
    streams_address_max: int | msgspec.UnsetType | None = msgspec.UNSET
    streams_game_max: int | msgspec.UnsetType | None = msgspec.UNSET


class Game(msgspec.Struct, frozen=True, kw_only=True):
    """A game as look-ups need it. `definition` is the rest of its YAML, already validated, as plain data."""

    id: str
    studio_id: str
    slug: str
    name: str
    created_at_ms: int
    limits: Limits
    heatmap_axes: str = "xy"
    feedback_forms: list[dict[str, Any]] = []
    definition: dict[str, Any] = {}
    definition_version: int = 1


class ExportsUsedUp(Exception):
    """The deployment's exports of this day are used up."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"the exports of this day are used up; retry after {retry_after_s} s")
        self.retry_after_s = retry_after_s


class StoreUnavailable(Exception):
    """The store is away or behind the log. Callers answer 503 with `Retry-After`; nothing is guessed."""


class Directory(Protocol):
    """Credentials and definitions, at most 1 s old; raises StoreUnavailable instead of guessing."""

    async def credential(self, presented: str) -> Credential | None:
        """The principal of a presented key; None for an unknown, rotated or revoked one."""
        ...

    async def studio(self, studio_id: str) -> Studio | None:
        """A studio by id."""
        ...

    async def game(self, game_id: str) -> Game | None:
        """A game by id, of whichever studio: the caller checks whose it is."""
        ...

    async def game_by_slug(self, studio_id: str, slug: str) -> Game | None:
        """A studio's game by slug."""
        ...

    async def games(self, studio_id: str) -> list[Game]:
        """All games of a studio."""
        ...


class ExperimentLives(Protocol):
    """What became of experiments, at most 1 s old; raises StoreUnavailable instead of guessing."""

    async def experiments(self, game_id: str) -> list[ExperimentLife]:
        """A game's experiments that are not deleted, newest first. Not the caller's to change."""
        ...


class ExperimentRecords(ExperimentLives, Protocol):
    """Likewise by id, with the text that was made last."""

    async def experiment(self, studio_id: str, experiment_id: str) -> ExperimentLife | None:
        """An experiment of a studio; None for an unknown or a deleted one."""
        ...

    async def digest(self, studio_id: str, experiment_id: str) -> Digest | None:
        """The last digest; None before the first."""
        ...


class KeyHashes(Protocol):
    """Credentials by the hash they are stored under (sha256 hex), for holders that may not keep the key.

    Same promises as `Directory.credential`: at most 1 s old, None once rotated or revoked, StoreUnavailable.
    """

    async def credential_by_hash(self, key_hash: str) -> Credential | None:
        """The principal of the key with this hash."""
        ...


class EndedSessions(Protocol):
    """Sessions of the dashboard that were signed out before they expired. Raises StoreUnavailable."""

    async def end(self, session: str, expires_at_ms: int) -> None:
        """End a session, by its name; it is remembered until it would have expired (unix milliseconds)."""
        ...

    async def ended(self, session: str) -> bool:
        """Whether it was ended."""
        ...


class Unknown(Enum):
    """The type of UNKNOWN."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN
"""Memory says nothing: the answer must be awaited."""


class CachedDirectory(Directory, Protocol):
    """A directory with a synchronous memory for the hot path: no await, under a microsecond."""

    cached_credential: Callable[[str], Credential | Unknown | None]
    """A credential, None for no such key, or UNKNOWN where `credential` must be awaited."""
    cached_game: Callable[[str], Game | Unknown | None]
    """Likewise for a game by id."""


class Verdict(msgspec.Struct, frozen=True):
    """A rate limiter's answer. When refused, waiting `retry_after_ms` always suffices."""

    allowed: bool
    retry_after_ms: int
    remaining: int
    reset_ms: int


class Counted(msgspec.Struct, frozen=True, gc=False):
    """A bucket that a call is counted in: `limit` calls a `period_ms`, with a burst of one period's worth."""

    bucket: str
    limit: float
    period_ms: int
    scope: str = ""
    """What shares the bucket, for the error's text: `player`, `address` or `key`."""


class RateLimiter(Protocol):
    """Shared by all processes of a deployment. Refused calls count where `count_refused` is set (S1)."""

    async def take(
        self, bucket: str, *, limit: float, period_ms: int, count_refused: bool = False
    ) -> Verdict:
        """Take one call out of a bucket. Raises StoreUnavailable."""
        ...

    async def take_all(self, calls: Sequence[Counted]) -> tuple[Verdict, Counted]:
        """Take one call out of each bucket (at least one is given), or out of none where any refuses.

        The first bucket's verdict, or that of the refusing one with the longest wait, and whose it is.
        Raises StoreUnavailable.
        """
        ...
