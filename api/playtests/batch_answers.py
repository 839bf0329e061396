"""What S1's reads of key batches and handles answer with: the reference's shapes, and how they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from api.telemetry.answers import Game, Milliseconds
from schemas.playtests import batch_views as views

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.playtests.handles import HandleRow
    from schemas.playtests.ports import BatchRow
    from schemas.playtests.secrets import BatchSecrets


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The base of everything that is sent. Fields are in snake case, as the reference has them."""


class Page(Answer, frozen=True, kw_only=True, rename={"has_more": "hasMore"}):
    """The base of every list. `total` counts all rows; `hasMore` says that there are more after these."""

    has_more: bool
    total: int


class Batch(Answer, frozen=True, kw_only=True):
    """A batch of keys. `key_count` counts all of them, the other counts go by what keys are now."""

    id: str
    name: str
    distribution_target: views.DistributionTarget
    fulfillment_source: views.FulfillmentSource
    redemption_mode: views.RedemptionMode
    identity_mode: views.IdentityMode
    share_token: Annotated[
        str | None, Meta(description="Of a public batch's link, `/redeem/{share_token}`; null for others.")
    ]
    key_count: int
    redeemed_count: int
    revoked_count: int
    expires_at: Milliseconds | None
    created_at: Milliseconds


class FullBatch(Batch, frozen=True, kw_only=True):
    """A batch with its instructions: the Markdown of the page that its links lead to."""

    instructions: str | None


class Batches(Page, frozen=True, kw_only=True):
    """The batches of a game."""

    game: Game
    batches: list[Batch]


class OneBatch(Answer, frozen=True, kw_only=True):
    """One batch of a game."""

    game: Game
    batch: FullBatch


class BatchName(Answer, frozen=True, kw_only=True):
    """Which batch it is."""

    id: str
    name: str


class Key(Answer, frozen=True, kw_only=True):
    """A key. Its code is shown to the person who redeems it alone."""

    id: str
    status: views.KeyStatus
    redeemed_at: Milliseconds | None
    redeemed_by_email: str | None
    redeemed_by_handle: str | None
    redemption_country: Annotated[str | None, Meta(description="ISO 3166 alpha-2. No IP is kept.")]
    redemption_user_agent: str | None
    tester_invite_id: str | None
    created_at: Milliseconds


class Keys(Page, frozen=True, kw_only=True):
    """The keys of a batch."""

    batch: BatchName
    keys: list[Key]


class Invite(Answer, frozen=True, kw_only=True):
    """A 1:1 invite. `opened_at`: when its page was first asked for. Its link's token is never shown."""

    id: str
    email: Annotated[str | None, Meta(description="Null once the person is forgotten.")]
    personal_note: str | None
    sent_at: Milliseconds
    opened_at: Milliseconds | None
    redeemed_at: Milliseconds | None


class Invites(Page, frozen=True, kw_only=True):
    """The 1:1 invites of a batch."""

    batch: BatchName
    invites: list[Invite]


class Handle(Answer, frozen=True, kw_only=True):
    """A tester's handle, and sums over its device's sessions that began while it was linked."""

    id: str
    handle: str
    key_id: str
    device_id: str
    claimed_at: Milliseconds
    session_count: int
    total_play_time_ms: Annotated[int, Meta(description="Active milliseconds.")]
    last_seen_at: Annotated[Milliseconds | None, Meta(description="The latest event; null before one came.")]
    distinct_countries: Annotated[int, Meta(description="3 and more are a sign of a shared key.")]
    created_at: Annotated[Milliseconds, Meta(description="When the key was redeemed under the handle.")]


class Handles(Page, frozen=True, kw_only=True):
    """Every handle of a game that was ever linked to a device."""

    game: Game
    handles: list[Handle]


def batch(row: BatchRow, secrets: BatchSecrets) -> FullBatch:
    """A batch with everything."""
    definition, counts = row.batch.definition, row.counts
    return FullBatch(
        id=definition.id,
        name=definition.name,
        distribution_target=definition.distribution_target,
        fulfillment_source=definition.fulfillment_source,
        redemption_mode=definition.redemption_mode,
        identity_mode=definition.identity_mode,
        share_token=secrets.share_token(row.batch),
        key_count=counts.keys,
        redeemed_count=counts.redeemed,
        revoked_count=counts.revoked,
        expires_at=definition.expires_at_ms,
        created_at=row.batch.created_at_ms,
        instructions=definition.instructions,
    )


def listed_batch(row: BatchRow, secrets: BatchSecrets) -> Batch:
    """A batch as lists show it."""
    found = batch(row, secrets)
    return Batch(**{name: getattr(found, name) for name in Batch.__struct_fields__})


class KeyNow(msgspec.Struct, frozen=True, gc=False):
    """A key, and what its status shows: it is not given out once its batch's time is over."""

    held: views.KeyState
    status: views.KeyStatus

    @property
    def redemption(self) -> views.Redemption | None:
        """By whom it was redeemed."""
        return self.held.redemption


def keys_now(found: views.Batch, keys: Sequence[views.KeyState], now_ms: int) -> list[KeyNow]:
    """The keys of a batch as they are, whether or not the end of its time has been told yet."""
    over = found.status == "expired" or found.definition.is_over(now_ms)
    waiting = {"available", "reserved"} if over else set[str]()
    return [KeyNow(held, "expired" if held.status in waiting else held.status) for held in keys]


def key(now: KeyNow, secrets: BatchSecrets) -> Key:
    """A key as answered."""
    held = now.held
    by = held.redemption or views.Redemption(redeemed_at_ms=0)
    return Key(
        id=held.id,
        status=now.status,
        redeemed_at=by.redeemed_at_ms if held.redemption is not None else None,
        redeemed_by_email=secrets.text("email", by.email),
        redeemed_by_handle=by.handle,
        redemption_country=by.country,
        redemption_user_agent=secrets.text("userAgent", by.user_agent),
        tester_invite_id=held.invite_id,
        created_at=held.created_at_ms,
    )


def invite(held: views.Invite, secrets: BatchSecrets) -> Invite:
    """An invite as answered."""
    return Invite(
        id=held.id,
        email=secrets.text("email", held.email),
        personal_note=secrets.text("note", held.personal_note),
        sent_at=held.sent_at_ms,
        opened_at=held.opened_at_ms,
        redeemed_at=held.redeemed_at_ms,
    )


def handle(row: HandleRow) -> Handle:
    """A handle as answered."""
    return Handle(
        id=row.id,
        handle=row.handle,
        key_id=row.key_id,
        device_id=row.device_id,
        claimed_at=row.claimed_at_ms,
        session_count=row.sessions,
        total_play_time_ms=row.active_ms,
        last_seen_at=row.last_seen_at_ms,
        distinct_countries=row.countries,
        created_at=row.created_at_ms,
    )
