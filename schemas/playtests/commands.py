"""Every command of playtests. Bodies of `schemas.envelope.Command`.

All go to the partition of `names.partition_key(studio_id)`; the command's `aggregate_id` is that of what it
is about (`names`). Texts, sizes and combinations of fields were checked by the gateway; what only the state
can say is decided: 400 for an order of the other mode, 402, 404, 409 with a reason, 422 with its field.
Secrets come sealed (`schemas.seal`), with keyed fingerprints where duplicates must be found.
Those of playtesters say whose they are: `playtester_id` is the credential's.
"""

from __future__ import annotations

from schemas.codec import Codec, Message
from schemas.playtests.account_commands import (
    AdjustAccount,
    ChangePlaytester,
    CompletePayment,
    FailPayment,
    FailPayout,
    ForgetPlaytester,
    OpenPayment,
    SendPayout,
)
from schemas.playtests.batch_commands import BATCH_COMMANDS
from schemas.playtests.order_commands import (
    ApproveApplication,
    ApproveTrial,
    CancelPlaytest,
    ChangePlaytest,
    DeclineTrial,
    MakeApplication,
    OrderPlaytest,
    PayPlaytest,
    RejectApplication,
    ReviewDue,
    WithdrawApplication,
)
from schemas.playtests.person_messages import ForgetPerson
from schemas.playtests.slot_commands import (
    AbandonSlot,
    AcceptSlot,
    ApproveTranscript,
    BlockDue,
    BlockSlot,
    CancelSlot,
    ClaimSlot,
    FailTranscript,
    PublishSlot,
    RateSlot,
    RejectSlot,
    SlotDue,
    StartTranscript,
    SubmitSlot,
    UnblockSlot,
)

COMMANDS: Codec[Message] = Codec(
    (
        OrderPlaytest,
        ChangePlaytest,
        PayPlaytest,
        CancelPlaytest,
        ApproveTrial,
        DeclineTrial,
        ClaimSlot,
        MakeApplication,
        ApproveApplication,
        RejectApplication,
        WithdrawApplication,
        SubmitSlot,
        AbandonSlot,
        BlockSlot,
        UnblockSlot,
        CancelSlot,
        AcceptSlot,
        RejectSlot,
        RateSlot,
        PublishSlot,
        SlotDue,
        BlockDue,
        ReviewDue,
        StartTranscript,
        ApproveTranscript,
        FailTranscript,
        OpenPayment,
        CompletePayment,
        FailPayment,
        AdjustAccount,
        SendPayout,
        FailPayout,
        ChangePlaytester,
        ForgetPlaytester,
        ForgetPerson,
        *BATCH_COMMANDS,
    )
)
"""Every command of the noun, those of batches included."""
