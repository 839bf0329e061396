"""Bodies of S2's writes: shapes with their bounds, and what is wrong with fields beside each other. Pure.

Texts are kept as given, never trimmed. Source: the S2 reference and the playtests contract, "Ordering",
"Slots" and "Playtesters".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, UnsetType

from schemas.playtests import limits
from schemas.playtests.validation import Fields
from schemas.playtests.views import BlockReason, PastScope, SelectionMode, TargetingType, Visibility

BODY_BYTES_MAX: Final = 256 * 1024

Uuid = Annotated[
    str,
    Meta(pattern="^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\\Z"),
]
Notes = Annotated[str, Meta(min_length=1, max_length=limits.NOTES_CHARACTERS_MAX)]
Qualifications = Annotated[str, Meta(min_length=1, max_length=limits.QUALIFICATIONS_CHARACTERS_MAX)]
GameKey = Annotated[str, Meta(min_length=1, max_length=limits.KEY_CHARACTERS_MAX)]
Keys = Annotated[
    list[GameKey],
    Meta(
        min_length=1,
        max_length=limits.QUANTITY_MAX * limits.KEYS_PER_SEAT_MAX,
        description="Distinct game keys, one for each slot; the rest are spares.",
    ),
]
Quantity = Annotated[int, Meta(ge=1, le=limits.QUANTITY_MAX)]
Duration = Literal[30, 60, 120, 180]
Players = Annotated[int, Meta(ge=1, le=limits.PLAYERS_MAX)]
Amount = Annotated[int, Meta(ge=limits.PAYMENT_CENTS_MIN, le=limits.PAYMENT_CENTS_MAX)]
Score = Annotated[int, Meta(ge=1, le=5)]
Comment = Annotated[str, Meta(min_length=1, max_length=limits.RATING_COMMENT_CHARACTERS_MAX)]


class NoFields(Fields, frozen=True, kw_only=True):
    """Nothing is asked for."""


class OrderBody(Fields, frozen=True, kw_only=True):
    """Order playtests. A free trial is public, 30 minutes, one player, one slot, automatic and untargeted."""

    visibility: Visibility | UnsetType = UNSET
    quantity: Quantity = 1
    duration_minutes: Duration | UnsetType = UNSET
    player_count: Players = 1
    notes_for_testers: Notes | None = None
    keys_for_testers: Keys | None = None
    is_free_public_trial: bool = False
    targeting_type: TargetingType | None = None
    past_playtester_scope: PastScope | None = None
    targeted_playtester_id: Uuid | None = None
    selection_mode: SelectionMode = "automatic"
    qualifications: Qualifications | None = None
    pay_from_credit: bool = False

    @property
    def chosen_visibility(self) -> Visibility:
        """As given, or the default."""
        if self.visibility is UNSET:
            return "public" if self.is_free_public_trial else "private"
        return self.visibility

    @property
    def chosen_minutes(self) -> int:
        """As given, or the default."""
        if self.duration_minutes is UNSET:
            return limits.TRIAL_MINUTES if self.is_free_public_trial else 60
        return self.duration_minutes

    def problems(self) -> Iterator[tuple[str, str]]:
        """The rules of targeting, of trials and of game keys."""
        yield from _targeting_problems(self)
        if self.is_free_public_trial:
            yield from _trial_problems(self)
        if self.keys_for_testers is not None:
            yield from _key_problems(self.keys_for_testers, self.quantity)


def _targeting_problems(body: OrderBody) -> Iterator[tuple[str, str]]:
    past, specific = body.targeting_type == "past", body.past_playtester_scope == "specific"
    if past and body.past_playtester_scope is None:
        yield "pastPlaytesterScope", "is required where targetingType is past"
    if not past and body.past_playtester_scope is not None:
        yield "pastPlaytesterScope", "is only for targetingType past"
    if specific and body.targeted_playtester_id is None:
        yield "targetedPlaytesterId", "is required where pastPlaytesterScope is specific"
    if not specific and body.targeted_playtester_id is not None:
        yield "targetedPlaytesterId", "is only for pastPlaytesterScope specific"
    if specific and body.quantity != 1:
        yield "quantity", "must be 1 where pastPlaytesterScope is specific"
    if specific and body.selection_mode == "manual":
        yield "selectionMode", "can't be manual where pastPlaytesterScope is specific"


def _trial_problems(body: OrderBody) -> Iterator[tuple[str, str]]:
    for field, holds, must in (
        ("visibility", body.chosen_visibility == "public", "be public"),
        ("durationMinutes", body.chosen_minutes == limits.TRIAL_MINUTES, "be 30"),
        ("playerCount", body.player_count == 1, "be 1"),
        ("quantity", body.quantity == 1, "be 1"),
        ("selectionMode", body.selection_mode == "automatic", "be automatic"),
        ("targetingType", body.targeting_type is None, "be left out"),
    ):
        if not holds:
            yield field, f"must {must} for a free trial"


def _key_problems(keys: list[str], quantity: int) -> Iterator[tuple[str, str]]:
    most = quantity * limits.KEYS_PER_SEAT_MAX
    if not quantity <= len(keys) <= most:
        yield "keysForTesters", f"must hold {quantity} to {most} keys for {quantity} slots"
    elif len({*keys}) != len(keys):
        yield "keysForTesters", "holds a key twice"


class ChangeBody(Fields, frozen=True, kw_only=True):
    """What of an order may change. `keysForTesters` are further spares."""

    notes_for_testers: Notes | UnsetType | None = UNSET
    keys_for_testers: Keys | UnsetType = UNSET

    def problems(self) -> Iterator[tuple[str, str]]:
        """A key is given once."""
        keys = self.keys_for_testers
        if keys is not UNSET and len({*keys}) != len(keys):
            yield "keysForTesters", "holds a key twice"


class RatingBody(Fields, frozen=True, kw_only=True):
    """A rating of an accepted slot; the last one counts."""

    score: Score
    comment: Comment | None = None


class AcceptBody(Fields, frozen=True, kw_only=True):
    """Accept, with a rating or without."""

    rating: Score | UnsetType = UNSET
    comment: Comment | None = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """A comment is part of a rating."""
        if self.comment is not None and self.rating is UNSET:
            yield "rating", "is required where there is a comment"


class RejectBody(Fields, frozen=True, kw_only=True):
    """Reject a submission."""

    reason: Annotated[str, Meta(min_length=1, max_length=limits.REJECTION_CHARACTERS_MAX)] | None = None
    allow_retry: bool = False


class RejectApplicationBody(Fields, frozen=True, kw_only=True):
    """Reject an application."""

    custom_message: (
        Annotated[str, Meta(min_length=1, max_length=limits.CUSTOM_MESSAGE_CHARACTERS_MAX)] | None
    ) = None


DisplayName = Annotated[str, Meta(min_length=1, max_length=limits.DISPLAY_NAME_CHARACTERS_MAX)]
Experience = Annotated[str, Meta(min_length=1, max_length=limits.GAMING_EXPERIENCE_CHARACTERS_MAX)]


class ProfileBody(Fields, frozen=True, kw_only=True):
    """What a playtester says of themselves; null clears."""

    display_name: DisplayName | UnsetType | None = UNSET
    gaming_experience: Experience | UnsetType | None = UNSET


class ApplyBody(Fields, frozen=True, kw_only=True):
    """Apply to a playtest with manual selection."""

    qualifications_response: Qualifications


class UploadBody(Fields, frozen=True, kw_only=True):
    """What is about to be uploaded: a recording, or as `text/plain` its transcript."""

    size: Annotated[int, Meta(ge=1, le=limits.VIDEO_BYTES_MAX)]
    content_type: Annotated[str, Meta(min_length=1, max_length=200)]


class SubmitBody(Fields, frozen=True, kw_only=True):
    """Hand a recording in."""

    upload_id: Uuid
    notes: Notes | None = None
    transcript_upload_id: Uuid | None = None


class BlockBody(Fields, frozen=True, kw_only=True):
    """Why it can't be played."""

    reason_code: BlockReason
    notes: Notes | None = None


class CreditBody(Fields, frozen=True, kw_only=True):
    """Top the studio's credit up."""

    amount_cents: Amount
    playtest_id: Uuid | None = None


class ProviderEventBody(Fields, frozen=True, kw_only=True):
    """What the payment provider's adapter says."""

    id: Annotated[str, Meta(min_length=1, max_length=255)]
    type: Literal["payment.completed", "payment.failed"]
    payment_id: Uuid
    amount_cents: Annotated[int, Meta(ge=1, le=limits.PAYMENT_CENTS_MAX)]
    external_id: Annotated[str, Meta(min_length=1, max_length=255)]
