"""Commands about slots, from the claim to the transcript.

What holds for all commands stands in `commands`.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from schemas.codec import Message
from schemas.playtests.views import BlockReason, Rating


class StoredObject(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An upload that the gateway has found in the object store."""

    key: str
    size_bytes: int


class ClaimSlot(Message, frozen=True, kw_only=True):
    """Reserve the lowest open slot of an order. 404 where it is not offered; 400 where it is manual; 409."""

    WIRE: ClassVar[str] = "playtests.slot-claim.v1"

    order_id: str
    playtester_id: str


class SubmitSlot(Message, frozen=True, kw_only=True):
    """Hand a recording in.

    404, also for another's slot; 409 `wrong_status`, `deadline_passed`, `upload_missing`.
    """

    WIRE: ClassVar[str] = "playtests.slot-submit.v1"

    slot_id: str
    playtester_id: str
    video: StoredObject | None
    """None where the object store has no such upload for this slot."""
    notes: str | None = None
    transcript: StoredObject | None = None
    """The playtester's own: version `uploaded`, approved at once."""
    transcribe: bool = False
    """Whether the deployment has a transcriber to ask."""


class AbandonSlot(Message, frozen=True, kw_only=True):
    """Give a reserved slot up. 404, also for another's; 409 `wrong_status`, `deadline_passed`."""

    WIRE: ClassVar[str] = "playtests.slot-abandon.v1"

    slot_id: str
    playtester_id: str


class BlockSlot(Message, frozen=True, kw_only=True):
    """Report why a reserved slot can't be played. Refusals as for AbandonSlot."""

    WIRE: ClassVar[str] = "playtests.slot-block.v1"

    slot_id: str
    playtester_id: str
    reason_code: BlockReason
    notes: str | None = None


class UnblockSlot(Message, frozen=True, kw_only=True):
    """Reserve a blocked slot again, with a fresh full deadline.

    404; 409 `wrong_status`, `deadline_passed`.
    """

    WIRE: ClassVar[str] = "playtests.slot-unblock.v1"

    slot_id: str


class CancelSlot(Message, frozen=True, kw_only=True):
    """End a blocked slot; its seat is credited. 404; 409 `wrong_status`."""

    WIRE: ClassVar[str] = "playtests.slot-cancel.v1"

    slot_id: str


class AcceptSlot(Message, frozen=True, kw_only=True):
    """Accept a submission: the playtester earns the payout. 404; 409 `wrong_status`."""

    WIRE: ClassVar[str] = "playtests.slot-accept.v1"

    slot_id: str
    rating: Rating | None = None


class RejectSlot(Message, frozen=True, kw_only=True):
    """Reject a submission: its seat is credited, or goes to the same playtester again. 404; 409."""

    WIRE: ClassVar[str] = "playtests.slot-reject.v1"

    slot_id: str
    reason: str | None = None
    allow_retry: bool = False


class RateSlot(Message, frozen=True, kw_only=True):
    """Rate an accepted submission; the last rating counts. 404; 409 `wrong_status`."""

    WIRE: ClassVar[str] = "playtests.slot-rate.v1"

    slot_id: str
    rating: Rating


class PublishSlot(Message, frozen=True, kw_only=True):
    """The recording of a `publishing` slot is at a public key, says an effect. In another status: nothing."""

    WIRE: ClassVar[str] = "playtests.slot-publish.v1"

    slot_id: str
    public_key: str
    """Empty where the recording is gone: the slot is accepted, and nothing of it is public."""


class SlotDue(Message, frozen=True, kw_only=True):
    """A reserved slot's deadline may have come, says the timer. Early, late or twice: nothing."""

    WIRE: ClassVar[str] = "playtests.slot-due.v1"

    slot_id: str


class BlockDue(Message, frozen=True, kw_only=True):
    """A blocked slot's 7 days may be over, says the timer. Early, late or twice: nothing."""

    WIRE: ClassVar[str] = "playtests.block-due.v1"

    slot_id: str


class StartTranscript(Message, frozen=True, kw_only=True):
    """The transcriber has begun, says an effect: `processing`. Where none is pending: nothing."""

    WIRE: ClassVar[str] = "playtests.transcript-start.v1"

    slot_id: str


class ApproveTranscript(Message, frozen=True, kw_only=True):
    """A transcript is stored; the last one is the selected one.

    404; 409 `wrong_status` without a submission.
    """

    WIRE: ClassVar[str] = "playtests.transcript-approve.v1"

    slot_id: str
    version: str
    key: str
    """Of the object store."""
    key_takeaways: list[str] = []


class FailTranscript(Message, frozen=True, kw_only=True):
    """The transcriber has failed, says an effect. Where none is under way: nothing."""

    WIRE: ClassVar[str] = "playtests.transcript-fail.v1"

    slot_id: str
