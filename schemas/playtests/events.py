"""Every event of playtests. Data of `schemas.envelope.Event`; its `at_ms` is the effective time.

Events carry resulting values, so that a projection sets and never computes: `order`, `progress`, `slot`,
`application` and `playtester` are as they are after the event, and so are balances. Secrets are sealed
(`schemas.seal`).
NOTE: stored: a field may be added with a default; anything else is a new wire name with an upcaster in
EVENTS.
"""

from __future__ import annotations

from schemas.codec import Codec, Message
from schemas.playtests.account_events import (
    AccountAdjusted,
    PaymentCompleted,
    PaymentFailed,
    PaymentOpened,
    PayoutFailed,
    PayoutSent,
    PlaytesterChanged,
    PlaytesterForgotten,
)
from schemas.playtests.batch_events import BATCH_EVENTS
from schemas.playtests.order_events import (
    ApplicationApproved,
    ApplicationMade,
    ApplicationRejected,
    ApplicationsAutoRejected,
    ApplicationWithdrawn,
    PlaytestActivated,
    PlaytestCancelled,
    PlaytestChanged,
    PlaytestCompleted,
    PlaytestOrdered,
    PlaytestPaid,
    TrialApproved,
    TrialDeclined,
)
from schemas.playtests.person_messages import PersonForgotten
from schemas.playtests.slot_events import (
    SlotAbandoned,
    SlotAccepted,
    SlotBlocked,
    SlotCancelled,
    SlotExpired,
    SlotPublished,
    SlotRated,
    SlotRejected,
    SlotReserved,
    SlotSubmitted,
    SlotUnblocked,
    TranscriptApproved,
    TranscriptFailed,
    TranscriptRequested,
)

EVENTS: Codec[Message] = Codec(
    (
        PlaytestOrdered,
        PlaytestPaid,
        PlaytestActivated,
        PlaytestChanged,
        PlaytestCancelled,
        PlaytestCompleted,
        TrialApproved,
        TrialDeclined,
        SlotReserved,
        SlotSubmitted,
        SlotAccepted,
        SlotPublished,
        SlotRejected,
        SlotExpired,
        SlotAbandoned,
        SlotBlocked,
        SlotUnblocked,
        SlotCancelled,
        SlotRated,
        TranscriptRequested,
        TranscriptApproved,
        TranscriptFailed,
        ApplicationMade,
        ApplicationApproved,
        ApplicationRejected,
        ApplicationWithdrawn,
        ApplicationsAutoRejected,
        PaymentOpened,
        PaymentCompleted,
        PaymentFailed,
        AccountAdjusted,
        PayoutSent,
        PayoutFailed,
        PlaytesterChanged,
        PlaytesterForgotten,
        PersonForgotten,
        *BATCH_EVENTS,
    )
)
"""Every event of the noun, those of batches included."""
