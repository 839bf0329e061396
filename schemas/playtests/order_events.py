"""Events of orders: their payment, trials and applications.

NOTE: stored; what holds for all events stands in `events`.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from schemas.codec import Message
from schemas.playtests.account_views import LedgerRow
from schemas.playtests.views import ApplicationState, AutoRejected, Order, Playtester, Progress, SlotState


class OrderEvent(Message, frozen=True, kw_only=True):
    """Base: the order is the aggregate (`names.order_aggregate`)."""

    studio_id: str
    game_id: str
    order_id: str


class PlaytestOrdered(OrderEvent, frozen=True, kw_only=True):
    """An order came to be, without slots."""

    WIRE: ClassVar[str] = "playtests.playtest-ordered.v1"

    order: Order
    keys: list[str] = []
    """Sealed; key n (from 1) is slot n's, those beyond the quantity are spares."""
    key_fingerprints: list[str] = []
    """Of the same keys; for the decider alone."""


class PlaytestPaid(OrderEvent, frozen=True, kw_only=True):
    """The order's total went from the studio's credit to the order, whose PlaytestActivated follows."""

    WIRE: ClassVar[str] = "playtests.playtest-paid.v1"

    progress: Progress
    movement: LedgerRow


class PlaytestActivated(OrderEvent, frozen=True, kw_only=True):
    """The order runs: its slots are open. A trial is offered once it is approved."""

    WIRE: ClassVar[str] = "playtests.playtest-activated.v1"

    order: Order
    slots: list[SlotState]
    progress: Progress


class PlaytestChanged(OrderEvent, frozen=True, kw_only=True):
    """The notes are others, or keys were added. `changed` names `notesForTesters`, `keysForTesters`."""

    WIRE: ClassVar[str] = "playtests.playtest-changed.v1"

    order: Order
    progress: Progress
    changed: list[str]
    first_key_number: int = 0
    """The number of the first key in `keys`."""
    keys: list[str] = []
    key_fingerprints: list[str] = []


class PlaytestCancelled(OrderEvent, frozen=True, kw_only=True):
    """The order was cancelled; a SlotCancelled for each open and blocked slot follows."""

    WIRE: ClassVar[str] = "playtests.playtest-cancelled.v1"

    order: Order
    progress: Progress
    trial_returned: bool = False
    """The game may have a free trial again."""


class PlaytestCompleted(OrderEvent, frozen=True, kw_only=True):
    """No live slot is left. Follows the event that ended the last one."""

    WIRE: ClassVar[str] = "playtests.playtest-completed.v1"

    order: Order
    progress: Progress


class TrialApproved(OrderEvent, frozen=True, kw_only=True):
    """The operator lets a free trial be offered."""

    WIRE: ClassVar[str] = "playtests.trial-approved.v1"

    order: Order
    progress: Progress


class TrialDeclined(OrderEvent, frozen=True, kw_only=True):
    """The operator does not; the game may have another, and PlaytestCancelled follows."""

    WIRE: ClassVar[str] = "playtests.trial-declined.v1"

    order: Order
    progress: Progress


class ApplicationEvent(OrderEvent, frozen=True, kw_only=True):
    """Base: something happened to one application."""

    application: ApplicationState
    qualifications_response: str
    """Sealed."""
    applicant: Playtester
    """As the panel knows them, for the answer alone."""


class ApplicationMade(ApplicationEvent, frozen=True, kw_only=True):
    """A playtester applied."""

    WIRE: ClassVar[str] = "playtests.application-made.v1"


class ApplicationApproved(ApplicationEvent, frozen=True, kw_only=True):
    """An applicant gets the slot whose SlotReserved follows."""

    WIRE: ClassVar[str] = "playtests.application-approved.v1"

    slots_remaining: int
    """Open slots after it."""


class ApplicationRejected(ApplicationEvent, frozen=True, kw_only=True):
    """The owner rejected one application."""

    WIRE: ClassVar[str] = "playtests.application-rejected.v1"

    custom_message: str | None = None


class ApplicationWithdrawn(ApplicationEvent, frozen=True, kw_only=True):
    """Its playtester took an application back."""

    WIRE: ClassVar[str] = "playtests.application-withdrawn.v1"


class ApplicationsAutoRejected(OrderEvent, frozen=True, kw_only=True):
    """All pending applications of an order are `auto_rejected`, reviewed at the event's time."""

    WIRE: ClassVar[str] = "playtests.applications-auto-rejected.v1"

    reason: Literal["filled", "window_over", "order_cancelled"]
    applications: list[AutoRejected]
