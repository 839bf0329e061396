"""A decision as it grows, and what the parts of it that move a seat or money have in common."""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace

from schemas.codec import Message
from schemas.playtests import names
from schemas.playtests import order_events as ev
from schemas.playtests.account_views import LedgerRow, LedgerType
from schemas.playtests.views import (
    ApplicationState,
    Money,
    Order,
    Playtester,
    Progress,
    ShownToPlaytester,
    SlotState,
    SlotStatus,
)
from streams.deciders.noun import Request
from streams.deciders.playtests.evolve import evolve
from streams.deciders.playtests.state import (
    Application,
    OrderState,
    PlaytesterState,
    PlaytestsState,
    Slot,
    StudioState,
)
from streams.deciders.playtests.terms import review_due_at_ms

_NO_STUDIO: Final = StudioState()


class Draft:
    """Events of one decision. What is read after an event sees it, as if it had been appended."""

    def __init__(self, state: PlaytestsState, request: Request) -> None:
        self.request = request
        self.studio_id = request.studio_id
        self.at_ms = request.at_ms
        self.events: list[Message] = []
        self._state = state
        self._evolved = 0

    def emit(self, event: Message) -> None:
        """Add an event."""
        self.events.append(event)

    def decided(self) -> tuple[Message, ...]:
        """All of them."""
        return tuple(self.events)

    @property
    def studio(self) -> StudioState:
        """The studio after the events so far."""
        while self._evolved < len(self.events):
            self._state = evolve(self._state, self.events[self._evolved], self.at_ms)
            self._evolved += 1
        return self._state.studios.get(self.studio_id, _NO_STUDIO)

    def movement(self, kind: LedgerType, amount_cents: int, **of: Any) -> LedgerRow:
        """The account's next ledger row."""
        account = self.studio.account
        return LedgerRow(
            id=names.ledger_row_id(names.account_aggregate(self.studio_id), account.movements + 1),
            number=account.movements + 1,
            type=kind,
            amount_cents=amount_cents,
            balance_cents=account.balance_cents + amount_cents,
            at_ms=self.at_ms,
            **of,
        )

    def earning(self, known: PlaytesterState, kind: LedgerType, amount_cents: int, **of: Any) -> LedgerRow:
        """A playtester's next ledger row."""
        playtester = known.playtester
        aggregate = names.playtester_aggregate(self.studio_id, playtester.id)
        return LedgerRow(
            id=names.ledger_row_id(aggregate, known.movements + 1),
            number=known.movements + 1,
            type=kind,
            amount_cents=amount_cents,
            balance_cents=playtester.balance_cents + amount_cents,
            at_ms=self.at_ms,
            **of,
        )

    def playtester(self, playtester_id: str) -> PlaytesterState:
        """One of the panel, also if nothing is known of them yet."""
        known = self.studio.playtesters.get(playtester_id)
        return known or PlaytesterState(Playtester(id=playtester_id, studio_id=self.studio_id))

    def of(self, order: Order) -> dict[str, str]:
        """What every event of an order names."""
        return {"studio_id": self.studio_id, "game_id": order.game_id, "order_id": order.id}


def slot_state(order_id: str, number: int, slot: Slot) -> SlotState:
    """A slot as events tell it."""
    return SlotState(
        id=names.slot_id(order_id, number),
        number=number,
        status=slot.status,
        created_at_ms=slot.created_at_ms,
        deadline_at_ms=slot.deadline_at_ms,
        playtester_id=slot.playtester_id,
        previous_slot_id=names.slot_id(order_id, slot.previous) if slot.previous else None,
        key_number=slot.key_number or None,
        due_at_ms=slot.due_at_ms,
    )


def application_state(
    order_id: str, number: int, application: Application, **changed: Any
) -> ApplicationState:
    """An application as events tell it."""
    fields = {"status": application.status} | changed
    return ApplicationState(
        id=names.application_id(order_id, number),
        playtester_id=application.playtester_id,
        created_at_ms=application.created_at_ms,
        **fields,
    )


def shown(known: OrderState, slot: Slot) -> ShownToPlaytester:
    """What the slot's playtester sees of its order."""
    return ShownToPlaytester(
        payout_cents=known.order.payout_cents,
        notes_for_testers=known.order.notes_for_testers,
        game_key=known.keys[slot.key_number - 1] if slot.key_number else "",
    )


def progress_after(known: OrderState, moves: dict[SlotStatus, int], money: Money | None = None) -> Progress:
    """An order's counts after slots moved: how many more (or fewer) of each status."""
    counts = known.progress.slots
    slots = replace(counts, **{status: getattr(counts, status) + by for status, by in moves.items() if by})
    return Progress(
        money=money or known.progress.money,
        slots=slots,
        due_at_ms=review_due_at_ms(known.order, slots),
        activated_at_ms=known.order.activated_at_ms,
    )


def progress_moved(known: OrderState, before: SlotStatus, after: SlotStatus) -> Progress:
    """One slot went from one status to another; no money moved."""
    return progress_after(known, {before: -1, after: 1})


def complete_if_over(draft: Draft, order: Order, progress: Progress) -> None:
    """An active order without a live slot is completed."""
    if order.status == "active" and not progress.slots.live:
        completed = replace(order, status="completed")
        draft.emit(ev.PlaytestCompleted(order=completed, progress=progress, **draft.of(order)))
