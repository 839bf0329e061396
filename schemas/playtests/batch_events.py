"""What happened to key batches. Read with `schemas.playtests.events.EVENTS`.

NOTE: stored, like everything there.
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from schemas.codec import Message
from schemas.playtests.batch_views import Batch, BatchCounts, ImportedKey, Invite, KeyState, Link


class BatchEvent(Message, frozen=True, kw_only=True):
    """Base: the batch is the aggregate (`names.batch_aggregate`)."""

    studio_id: str
    game_id: str
    batch_id: str


class BatchDefined(BatchEvent, frozen=True, kw_only=True):
    """A batch came to be, or its definition or its share token is another now."""

    WIRE: ClassVar[str] = "playtests.batch-defined.v1"

    batch: Batch
    previous_share_token_hash: str = ""


class BatchClosed(BatchEvent, frozen=True, kw_only=True):
    """The game's definition has the batch no longer: nothing of it can be redeemed."""

    WIRE: ClassVar[str] = "playtests.batch-closed.v1"

    batch: Batch


class BatchExpired(BatchEvent, frozen=True, kw_only=True):
    """Its time is over: nothing of it can be redeemed, unless its definition gives it another end."""

    WIRE: ClassVar[str] = "playtests.batch-expired.v1"

    batch: Batch


class KeysImported(BatchEvent, frozen=True, kw_only=True):
    """Keys are available."""

    WIRE: ClassVar[str] = "playtests.keys-imported.v1"

    keys: list[ImportedKey]
    skipped: list[int]
    """Positions (from 0) in the command of codes that the studio had, or that came twice."""
    counts: BatchCounts
    created_at_ms: int


class KeyRedeemed(BatchEvent, frozen=True, kw_only=True):
    """A key was given out."""

    WIRE: ClassVar[str] = "playtests.key-redeemed.v1"

    key: KeyState
    code: str
    """Sealed, for the answer."""
    counts: BatchCounts
    invite: Invite | None = None
    email_fingerprint: str | None = None
    """For the decider alone."""


class KeyRevoked(BatchEvent, frozen=True, kw_only=True):
    """A key ended for good; TesterUnlinked follows where its handle was linked."""

    WIRE: ClassVar[str] = "playtests.key-revoked.v1"

    key: KeyState
    counts: BatchCounts


class InviteSent(BatchEvent, frozen=True, kw_only=True):
    """A person is invited, and a key reserved for them."""

    WIRE: ClassVar[str] = "playtests.invite-sent.v1"

    invite: Invite
    key: KeyState
    counts: BatchCounts
    email_fingerprint: str
    """For the decider alone."""


class InviteOpened(BatchEvent, frozen=True, kw_only=True):
    """An invite's page was asked for, for the first time."""

    WIRE: ClassVar[str] = "playtests.invite-opened.v1"

    invite: Invite


class LinkEvent(Message, frozen=True, kw_only=True):
    """Base: the game is the aggregate (`names.game_aggregate`)."""

    studio_id: str
    game_id: str
    link: Link


class TesterLinked(LinkEvent, frozen=True, kw_only=True):
    """A handle is linked to a device; `already_linked` when it was asked again."""

    WIRE: ClassVar[str] = "playtests.tester-linked.v1"

    already_linked: bool = False


class TesterUnlinked(LinkEvent, frozen=True, kw_only=True):
    """A handle is linked to no device."""

    WIRE: ClassVar[str] = "playtests.tester-unlinked.v1"

    reason: Literal["asked", "key_revoked", "forgotten"]


class RecipientForgotten(BatchEvent, frozen=True, kw_only=True):
    """Every store drops e-mail, note, user agent and handle of these keys and invites."""

    WIRE: ClassVar[str] = "playtests.recipient-forgotten.v1"

    keys: list[KeyState]
    invites: list[Invite]


BATCH_EVENTS: Final[tuple[type[Message], ...]] = (
    BatchDefined,
    BatchClosed,
    BatchExpired,
    KeysImported,
    KeyRedeemed,
    KeyRevoked,
    InviteSent,
    InviteOpened,
    TesterLinked,
    TesterUnlinked,
    RecipientForgotten,
)
