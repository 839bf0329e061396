"""What can be asked of key batches. Part of `commands.COMMANDS`; the game is the envelope's.

Refusals: 404 for what there is not, 410 for a batch that is closed or expired and a key that was revoked, 409
with a `reason` (`batch_refusals`) for the rest.
"""

from __future__ import annotations

from typing import ClassVar, Final

import msgspec
from msgspec import UNSET, UnsetType

from schemas.codec import Message
from schemas.playtests.batch_views import BatchDefinition


class SealedCode(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A key's code: sealed for the batch's aggregate, field `keys`, and its fingerprint (`schemas.seal`)."""

    sealed: str
    fingerprint: str


class NewInvite(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One person to invite. The id is `names.invite_id(command_id, position)`; the token follows from it."""

    email: str
    """Sealed, field `email`."""
    email_fingerprint: str
    token_hash: str
    personal_note: str | None = None
    """Sealed, field `note`."""


class DefineBatch(Message, frozen=True, kw_only=True):
    """Make a batch what the game's definition says, by an effect. The same again: nothing.

    409 `fixed` where source, mode or identity differ. How many a game may have was checked by `apply`.
    """

    WIRE: ClassVar[str] = "playtests.batch-define.v1"

    definition: BatchDefinition
    share_token_hash: str = ""
    """Hash of the token of share number 1, for a public batch that has none yet; empty in mode invite."""


class CloseBatch(Message, frozen=True, kw_only=True):
    """The game's definition has the batch no longer. 404; closed: nothing."""

    WIRE: ClassVar[str] = "playtests.batch-close.v1"

    batch_id: str


class RotateShareToken(Message, frozen=True, kw_only=True):
    """Give a public batch another link.

    404; 410; 409 `not_public`, `conflict` where another came first.
    """

    WIRE: ClassVar[str] = "playtests.share-token-rotate.v1"

    batch_id: str
    share_number: int
    """The present one plus 1."""
    share_token_hash: str


class ImportKeys(Message, frozen=True, kw_only=True):
    """Add keys, a part of a file at a time. Codes that the studio has are skipped and told.

    404; 410; 409 `batch_full`, `wrong_source`.
    """

    WIRE: ClassVar[str] = "playtests.keys-import.v1"

    batch_id: str
    codes: list[SealedCode]
    generated: bool = False
    """Minted, for a batch whose source is `generated`."""
    old_fingerprints: list[list[str]] | UnsetType = UNSET
    """Each code's under every former deployment secret; absent where there is none."""


class RevokeKeys(Message, frozen=True, kw_only=True):
    """End keys for good and unlink their testers; all or nothing. 404. Revoked before: nothing."""

    WIRE: ClassVar[str] = "playtests.keys-revoke.v1"

    batch_id: str
    key_ids: list[str]


class SendInvites(Message, frozen=True, kw_only=True):
    """Reserve a key for each person, all or nothing; who was invited to the batch before is skipped.

    404; 410; 409 `no_key_left`, `not_invite`.
    """

    WIRE: ClassVar[str] = "playtests.invites-send.v1"

    batch_id: str
    invites: list[NewInvite]
    old_email_fingerprints: list[list[str]] | UnsetType = UNSET
    """Each person's under every former deployment secret; absent where there is none."""


class OpenInvite(Message, frozen=True, kw_only=True):
    """An invite's page was asked for. 404; 410. Again: nothing."""

    WIRE: ClassVar[str] = "playtests.invite-open.v1"

    batch_id: str
    invite_id: str
    token_hash: str


class RedeemKey(Message, frozen=True, kw_only=True):
    """Get the invite's key, or the next one of a public batch; the gateway asks what the identity mode wants.

    404; 410; 409 `used`, `no_key_left`, `handle_taken`, `email_used`.
    """

    WIRE: ClassVar[str] = "playtests.key-redeem.v1"

    batch_id: str
    token_hash: str
    """Of the link that was followed: the invite's, or the batch's share token."""
    claim_token_hash: str
    invite_id: str | None = None
    handle: str | None = None
    email: str | None = None
    """Sealed, field `email`."""
    email_fingerprint: str | None = None
    country: str | None = None
    user_agent: str | None = None
    """Sealed, field `userAgent`."""
    old_email_fingerprints: list[str] | UnsetType = UNSET
    """The e-mail's under every former deployment secret; absent where there is none."""


class LinkTester(Message, frozen=True, kw_only=True):
    """Link a redeemed key's handle to a device. 404, whatever forbids it."""

    WIRE: ClassVar[str] = "playtests.tester-link.v1"

    batch_id: str
    key_id: str
    claim_token_hash: str
    device_id: str


class UnlinkTester(Message, frozen=True, kw_only=True):
    """Take the link back. 404, whatever forbids it; not linked: nothing."""

    WIRE: ClassVar[str] = "playtests.tester-unlink.v1"

    batch_id: str
    key_id: str
    claim_token_hash: str
    device_id: str


class BatchDue(Message, frozen=True, kw_only=True):
    """A batch may have expired, says the timer. Early, late or twice: nothing."""

    WIRE: ClassVar[str] = "playtests.batch-due.v1"

    batch_id: str


class ForgetRecipient(Message, frozen=True, kw_only=True):
    """Drop a person from a studio's batches by their e-mail: e-mails, notes, user agents, handles, links."""

    WIRE: ClassVar[str] = "playtests.recipient-forget.v1"

    email_fingerprints: list[str]
    """Of every deployment secret that is known."""


BATCH_COMMANDS: Final[tuple[type[Message], ...]] = (
    DefineBatch,
    CloseBatch,
    RotateShareToken,
    ImportKeys,
    RevokeKeys,
    SendInvites,
    OpenInvite,
    RedeemKey,
    LinkTester,
    UnlinkTester,
    BatchDue,
    ForgetRecipient,
)
