"""The nested shapes of key batches that events, answers and stores share: batches, keys, invites, links.

NOTE: stored inside events. Append fields with a default; anything else is a new version of every event that
holds the shape. Source: S1's batch reads, and the playtests contract, "Key batches".
"""

from __future__ import annotations

from typing import Literal

import msgspec

DistributionTarget = Literal["steam", "epic", "itch", "gog", "keymailer", "other"]
FulfillmentSource = Literal["studio-uploaded", "generated"]
RedemptionMode = Literal["invite", "public"]
IdentityMode = Literal["handle+email", "handle", "email", "anonymous"]
BatchStatus = Literal["open", "expired", "closed"]
KeyStatus = Literal["available", "reserved", "redeemed", "revoked", "expired"]


class BatchDefinition(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A batch as the game's definition file says it. Source, mode and identity never change."""

    id: str
    name: str
    distribution_target: DistributionTarget
    fulfillment_source: FulfillmentSource
    redemption_mode: RedemptionMode
    identity_mode: IdentityMode
    expires_at_ms: int | None = None
    instructions: str | None = None

    def is_over(self, at_ms: int) -> bool:
        """Whether its time is over, be that decided or not."""
        return self.expires_at_ms is not None and self.expires_at_ms <= at_ms


class Batch(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A batch as it is after an event."""

    definition: BatchDefinition
    status: BatchStatus
    created_at_ms: int
    share_number: int = 0
    """The share token's: each rotation is another (`schemas.playtests.tokens`); 0 for none."""
    share_token_hash: str = ""

    def is_open(self, at_ms: int) -> bool:
        """Whether its keys may be given out."""
        return self.status == "open" and not self.definition.is_over(at_ms)


class BatchCounts(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """How many keys a batch has, and how many of them by status."""

    keys: int = 0
    """All of them."""
    available: int = 0
    reserved: int = 0
    redeemed: int = 0
    revoked: int = 0


class KeyState(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A key as it is after an event. In an expired batch what is available or reserved shows as `expired`."""

    id: str
    number: int
    """In its batch, from 1."""
    status: KeyStatus
    created_at_ms: int
    invite_id: str | None = None
    redemption: Redemption | None = None


class Redemption(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """By whom a key was redeemed. E-mail and user agent are sealed; no IP is kept."""

    redeemed_at_ms: int
    handle: str | None = None
    email: str | None = None
    country: str | None = None
    user_agent: str | None = None
    claim_token_hash: str = ""


class ImportedKey(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A new key: its code, sealed for the batch's aggregate, field `keys`, and its fingerprint."""

    id: str
    number: int
    sealed: str
    fingerprint: str


class Invite(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A 1:1 invite as it is after an event; e-mail and note are sealed, fields `email` and `note`."""

    id: str
    email: str
    sent_at_ms: int
    key_id: str
    token_hash: str
    personal_note: str | None = None
    opened_at_ms: int | None = None
    redeemed_at_ms: int | None = None


class Link(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A handle, and the device it is linked to since `claimed_at_ms`."""

    handle: str
    device_id: str
    claimed_at_ms: int
    batch_id: str
    key_id: str
