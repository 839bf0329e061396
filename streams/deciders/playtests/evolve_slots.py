"""How events change slots, and with them accounts and playtesters. Pure; every claim comes by here."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from schemas.codec import Message
from schemas.playtests import slot_events as ev
from schemas.playtests.limits import SUBMIT_ALONE_MS
from schemas.playtests.views import Playtester, SlotState
from streams.deciders.playtests.evolve_accounts import Step, moved, playtester_of, with_playtester
from streams.deciders.playtests.evolve_orders import with_order
from streams.deciders.playtests.state import OrderState, PlaytesterState, Slot, StudioState
from streams.deciders.playtests.terms import submit_within_ms


def _slot(known: OrderState, told: SlotState) -> Slot:
    """A slot as the event says it is now."""
    before = known.slots[told.number]
    return Slot(
        told.status,
        before.created_at_ms,
        before.submit_within_ms,
        told.deadline_at_ms,
        told.due_at_ms,
        told.playtester_id,
        before.previous,
        before.key_number,
        before.rating,
        before.transcription,
    )


def _stepped(studio: StudioState, event: ev.SlotEvent) -> StudioState:
    """Events that change a slot and what is counted, and nothing else."""
    known = studio.orders[event.order_id]
    slots = known.slots.set(event.slot.number, _slot(known, event.slot))
    return with_order(studio, known, slots=slots, progress=event.progress)


def _reserved(studio: StudioState, event: ev.SlotReserved) -> StudioState:
    known = studio.orders[event.order_id]
    told = event.slot
    playtester_id = told.playtester_id or ""
    open_numbers = known.open
    where = open_numbers.index(told.number)
    studio = with_order(
        studio,
        known,
        slots=known.slots.set(told.number, _slot(known, told)),
        open=open_numbers[:where] + open_numbers[where + 1 :],
        holders=known.holders.set(playtester_id, told.number),
        progress=event.progress,
    )
    panel = studio.playtesters.get(playtester_id)
    if panel is None:
        panel = PlaytesterState(Playtester(id=playtester_id, studio_id=event.studio_id))
    if event.game_id in panel.games and playtester_id in studio.playtesters:
        return studio
    return with_playtester(studio, replace(panel, games=panel.games.set(event.game_id, 0)))


def _accepted(studio: StudioState, event: ev.SlotAccepted) -> StudioState:
    known = studio.orders[event.order_id]
    slot = _slot(known, event.slot)
    if event.rating is not None:
        slot = replace(slot, rating=event.rating.score)
    studio = with_order(
        studio,
        known,
        slots=known.slots.set(event.slot.number, slot),
        progress=event.progress,
        keys=known.keys if event.progress.slots.live else (),
    )
    panel = playtester_of(studio, event.playtester)
    movements = event.earning.number if event.earning is not None else panel.movements
    games = panel.games.set(event.game_id, panel.games.get(event.game_id, 0) + 1)
    return with_playtester(studio, replace(panel, movements=movements, games=games))


def _ended(studio: StudioState, event: ev.SlotEnding) -> StudioState:
    known = studio.orders[event.order_id]
    number = event.slot.number
    slots = known.slots.set(number, _slot(known, event.slot))
    open_numbers, holders = known.open, known.holders
    if known.slots[number].status == "open":
        open_numbers = tuple(each for each in open_numbers if each != number)
    next_key = known.next_key
    if event.successor is not None:
        after = event.successor
        slots = slots.set(after.number, _successor(known, number, after))
        if after.status == "open":
            open_numbers = (*open_numbers, after.number)
            next_key += after.key_number is not None
        elif after.playtester_id is not None:
            holders = holders.set(after.playtester_id, after.number)
    studio = with_order(
        studio,
        known,
        slots=slots,
        open=open_numbers,
        holders=holders,
        next_key=next_key,
        progress=event.progress,
        keys=known.keys if event.progress.slots.live else (),
    )
    return replace(studio, account=moved(studio.account, event.credit)) if event.credit else studio


def _successor(known: OrderState, previous: int, told: SlotState) -> Slot:
    """An open successor has the order's terms, a reserved one is a retry."""
    within_ms = submit_within_ms(known.order) if told.status == "open" else SUBMIT_ALONE_MS
    return Slot(
        told.status,
        told.created_at_ms,
        within_ms,
        told.deadline_at_ms,
        told.due_at_ms,
        told.playtester_id,
        previous,
        told.key_number or 0,
    )


def _rated(studio: StudioState, event: ev.SlotRated) -> StudioState:
    known = studio.orders[event.order_id]
    slot = replace(known.slots[event.slot_number], rating=event.rating.score)
    studio = with_order(studio, known, slots=known.slots.set(event.slot_number, slot))
    return with_playtester(studio, playtester_of(studio, event.playtester))


SLOT_STEPS: Final[dict[type[Message], Step]] = {
    ev.SlotReserved: _reserved,
    ev.SlotSubmitted: _stepped,
    ev.SlotAccepted: _accepted,
    ev.SlotPublished: _stepped,
    ev.SlotRejected: _ended,
    ev.SlotExpired: _ended,
    ev.SlotAbandoned: _ended,
    ev.SlotBlocked: _stepped,
    ev.SlotUnblocked: _stepped,
    ev.SlotCancelled: _ended,
    ev.SlotRated: _rated,
}
