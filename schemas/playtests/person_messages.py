"""Forgetting a person: the command, and the event that every reader follows.

NOTE: stored; what holds for all commands and events stands in `commands` and `events`.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from schemas.codec import Message
from schemas.playtests.account_events import PlaytesterEvent
from schemas.playtests.account_views import Payout
from schemas.playtests.views import Order, Playtester, SlotState, TranscriptionStatus


class TesterHandle(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A tester's handle, which is theirs in this game alone."""

    game_id: str
    handle: str


class ForgetPerson(Message, frozen=True, kw_only=True):
    """Forget who goes by an id, as one of the panel and as a device, and who has these handles. For good.

    Their keys and invites are forgotten as by ForgetRecipient, pending applications withdrawn; slots,
    applications and money stay under the pseudonym. From then on whatever is asked of the id is 404. Twice:
    nothing more.
    """

    WIRE: ClassVar[str] = "playtests.person-forget.v1"

    playtester_id: str
    pseudonym: str
    """`names.pseudonym`, which only the deployment secret can tell from the id."""
    handles: list[TesterHandle] = []


class ForgottenSlot(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A slot of theirs, and all that is still said of it."""

    order_id: str
    game_id: str
    slot: SlotState
    rating: int = 0
    """0 for none."""
    transcription: TranscriptionStatus | None = None
    """The transcript itself is gone; one that was being made has failed."""


class ForgottenApplication(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An application of theirs. Where it was pending, ApplicationWithdrawn follows."""

    order_id: str
    game_id: str
    id: str


class PersonForgotten(PlaytesterEvent, frozen=True, kw_only=True):
    """A person is forgotten: no event of the studio after it has their id.

    What came before it is kept under the pseudonym alone, by every reader: states, times and money, and no
    text of or about the person. The object store drops their recordings and transcripts, published copies
    too. It names the id, as all events before it do: it is the log's, and no store's.
    """

    WIRE: ClassVar[str] = "playtests.person-forgotten.v1"

    pseudonym: str
    playtester: Playtester | None = None
    """What is left, under the pseudonym; None where nothing was known."""
    payouts: list[Payout] = []
    slots: list[ForgottenSlot] = []
    applications: list[ForgottenApplication] = []
    orders: list[Order] = []
    """Those that were for them alone."""
