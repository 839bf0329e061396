"""Slots as S2 shows them, as structs: to owners, in lists of submissions, and to their playtesters.

Source: the S2 reference, and the playtests contract, "Objects". Names are camelCase on the wire.
"""

from __future__ import annotations

from schemas.playtests.resources import GameName, Panelist, Shape, Time
from schemas.playtests.views import BlockReason, SlotStatus, TranscriptionStatus, Visibility


class Submission(Shape, frozen=True, kw_only=True):
    """A recording that was handed in."""

    id: str
    video_file_size: int
    notes: str | None
    created_at: Time


class StoredSubmission(Submission, frozen=True, kw_only=True):
    """The same with its place in the object store."""

    video_storage_key: str


class Rating(Shape, frozen=True, kw_only=True):
    """What the owner says of an accepted slot."""

    score: int
    comment: str | None


class Rejection(Shape, frozen=True, kw_only=True):
    """Why a submission was rejected."""

    reason: str | None
    created_at: Time


class Transcription(Shape, frozen=True, kw_only=True):
    """How far a submission's transcript is."""

    id: str
    status: TranscriptionStatus
    selected_version: str | None


class TranscriptionDetail(Transcription, frozen=True, kw_only=True):
    """The same with what it says in short."""

    key_takeaways: list[str]


class BlockedReport(Shape, frozen=True, kw_only=True):
    """Why a playtester can't go on."""

    reason_code: BlockReason
    notes: str | None
    reported_at: Time


class SlotHead(Shape, frozen=True, kw_only=True):
    """What every view of a slot has."""

    id: str
    request_id: str
    status: SlotStatus
    deadline_at: Time | None
    created_at: Time


class Slot(SlotHead, frozen=True, kw_only=True):
    """A slot in lists; what is not there yet is null."""

    playtester: Panelist | None
    submission: Submission | None
    rating: Rating | None
    rejection: Rejection | None
    transcription: Transcription | None
    previous_slot_id: str | None
    blocked_report: BlockedReport | None
    public_url: str | None


class PlaytestHead(Shape, frozen=True, kw_only=True):
    """What a slot shows of its playtest."""

    id: str
    visibility: Visibility
    duration_minutes: int
    player_count: int


class PlaytestOfSubmission(PlaytestHead, frozen=True, kw_only=True):
    """The same, and whether it is a trial."""

    is_free_public_trial: bool


class SlotDetail(SlotHead, frozen=True, kw_only=True):
    """A slot with all that belongs to it."""

    game: GameName
    playtest: PlaytestHead
    playtester: Panelist | None
    submission: Submission | None
    rating: Rating | None
    rejection: Rejection | None
    transcription: TranscriptionDetail | None
    previous_slot_id: str | None
    blocked_report: BlockedReport | None
    public_url: str | None


class ReservedSlot(SlotHead, frozen=True, kw_only=True):
    """A slot in the list of submissions."""

    reserved_by: str | None


class SubmissionRow(Shape, frozen=True, kw_only=True):
    """One slot with its submission. `awaitingAdminApproval`: its free trial is not approved."""

    slot: ReservedSlot
    submission: StoredSubmission | None
    game: GameName
    playtest: PlaytestOfSubmission
    playtester: Panelist | None
    awaiting_admin_approval: bool
    blocked_report: BlockedReport | None
    transcription: Transcription | None


class OwnSlot(SlotHead, frozen=True, kw_only=True):
    """A slot as its playtester sees it. Notes and key are null once it is expired or cancelled."""

    game_id: str
    payout_cents: int
    notes_for_testers: str | None
    game_key: str | None
    submission: Submission | None
    rating: Rating | None
    rejection: Rejection | None
    transcription: Transcription | None
    previous_slot_id: str | None
    blocked_report: BlockedReport | None
    public_url: str | None


class OwnSlotDetail(OwnSlot, frozen=True, kw_only=True):
    """The same with its game and its playtest."""

    game: GameName
    playtest: PlaytestHead
