"""Events of slots, from the reservation to the transcript.

NOTE: stored; what holds for all events stands in `events`.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from schemas.playtests.account_views import LedgerRow
from schemas.playtests.order_events import OrderEvent
from schemas.playtests.views import (
    BlockedReport,
    Playtester,
    Progress,
    Rating,
    Rejection,
    ShownToPlaytester,
    SlotState,
    Submission,
    Transcription,
)


class SlotEvent(OrderEvent, frozen=True, kw_only=True):
    """Base: something happened to a slot."""

    slot: SlotState
    progress: Progress


class SlotEnding(SlotEvent, frozen=True, kw_only=True):
    """Base: a slot ended unaccepted. Its seat went to `successor` or came back by `credit`.

    A trial's may do neither: it costs nothing.
    """

    successor: SlotState | None = None
    credit: LedgerRow | None = None


class SlotReserved(SlotEvent, frozen=True, kw_only=True):
    """A playtester has a slot: by a claim, or by the ApplicationApproved before it."""

    WIRE: ClassVar[str] = "playtests.slot-reserved.v1"

    shown: ShownToPlaytester
    application_id: str | None = None


class SlotSubmitted(SlotEvent, frozen=True, kw_only=True):
    """A recording was handed in."""

    WIRE: ClassVar[str] = "playtests.slot-submitted.v1"

    submission: Submission
    shown: ShownToPlaytester


class SlotAccepted(SlotEvent, frozen=True, kw_only=True):
    """A submission was accepted: `accepted`, or `publishing` where it is to be public."""

    WIRE: ClassVar[str] = "playtests.slot-accepted.v1"

    playtester: Playtester
    earning: LedgerRow | None = None
    """The playtester's; None for a trial, which pays nothing."""
    rating: Rating | None = None


class SlotPublished(SlotEvent, frozen=True, kw_only=True):
    """The recording is public, under `public_key` of the object store; where it is gone that is empty."""

    WIRE: ClassVar[str] = "playtests.slot-published.v1"

    public_key: str


class SlotRejected(SlotEnding, frozen=True, kw_only=True):
    """A submission was rejected; with `allow_retry` the successor is reserved for the same playtester."""

    WIRE: ClassVar[str] = "playtests.slot-rejected.v1"

    rejection: Rejection
    allow_retry: bool = False


class SlotExpired(SlotEnding, frozen=True, kw_only=True):
    """The slot was not taken in time, or its recording not submitted in time."""

    WIRE: ClassVar[str] = "playtests.slot-expired.v1"

    reason: Literal["deadline", "window_over"]


class SlotAbandoned(SlotEnding, frozen=True, kw_only=True):
    """Its playtester gave a slot up: it is `cancelled`."""

    WIRE: ClassVar[str] = "playtests.slot-abandoned.v1"

    shown: ShownToPlaytester | None = None
    """The payout alone; None in events from before there was this field."""


class SlotBlocked(SlotEvent, frozen=True, kw_only=True):
    """Its playtester can't go on."""

    WIRE: ClassVar[str] = "playtests.slot-blocked.v1"

    report: BlockedReport
    shown: ShownToPlaytester


class SlotUnblocked(SlotEvent, frozen=True, kw_only=True):
    """Its playtester can go on, with a fresh deadline. The report is void."""

    WIRE: ClassVar[str] = "playtests.slot-unblocked.v1"


class SlotCancelled(SlotEnding, frozen=True, kw_only=True):
    """An open or blocked slot ended with its order, or a blocked one by its owner or for its age."""

    WIRE: ClassVar[str] = "playtests.slot-cancelled.v1"

    reason: Literal["order_cancelled", "owner", "blocked_too_long"]


class SlotRated(OrderEvent, frozen=True, kw_only=True):
    """An accepted submission was rated, or rated again."""

    WIRE: ClassVar[str] = "playtests.slot-rated.v1"

    slot_id: str
    slot_number: int
    rating: Rating
    playtester: Playtester


class TranscriptEvent(OrderEvent, frozen=True, kw_only=True):
    """Base: a submission's transcription is as `transcription` says."""

    slot_id: str
    slot_number: int
    transcription: Transcription


class TranscriptRequested(TranscriptEvent, frozen=True, kw_only=True):
    """A transcript is wanted (`pending`), or being made (`processing`)."""

    WIRE: ClassVar[str] = "playtests.transcript-requested.v1"


class TranscriptApproved(TranscriptEvent, frozen=True, kw_only=True):
    """A transcript is there, and the selected one."""

    WIRE: ClassVar[str] = "playtests.transcript-approved.v1"


class TranscriptFailed(TranscriptEvent, frozen=True, kw_only=True):
    """The transcriber failed."""

    WIRE: ClassVar[str] = "playtests.transcript-failed.v1"
