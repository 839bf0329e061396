"""How the state changes where a person is forgotten: a pseudonym is where their id was. Pure."""

from __future__ import annotations

from typing import Final

from immutables import Map
from msgspec.structs import replace

from schemas.codec import Message
from schemas.playtests.person_messages import PersonForgotten
from schemas.playtests.views import TranscriptionStatus
from streams.deciders.playtests.evolve_accounts import Step
from streams.deciders.playtests.state import (
    Application,
    Forgotten,
    OrderState,
    PlaytesterState,
    Slot,
    StudioState,
)

_UNDER_WAY: Final = frozenset[TranscriptionStatus | None]({"pending", "processing"})


def is_about(known: OrderState, playtester_id: str) -> bool:
    """Whether an order has or had anything to do with one of the panel."""
    return (
        playtester_id in known.holders
        or playtester_id in known.applicants
        or playtester_id == known.order.targeted_playtester_id
    )


def _renamed_slot(slot: Slot, pseudonym: str) -> Slot:
    """A slot of theirs as it is from then on: a transcript that is being made has failed."""
    transcription = "failed" if slot.transcription in _UNDER_WAY else slot.transcription
    return replace(slot, playtester_id=pseudonym, transcription=transcription)


def renamed(known: OrderState, gone: str, pseudonym: str) -> OrderState:
    """An order with the pseudonym in the place of an id."""

    def applied(one: Application) -> Application:
        return replace(one, playtester_id=pseudonym, response="") if one.playtester_id == gone else one

    order = known.order
    if order.targeted_playtester_id == gone:
        order = replace(order, targeted_playtester_id=pseudonym)
    return replace(
        known,
        order=order,
        slots=Map(
            (number, _renamed_slot(slot, pseudonym) if slot.playtester_id == gone else slot)
            for number, slot in known.slots.items()
        ),
        holders=_moved(known.holders, gone, pseudonym),
        applications=Map((number, applied(one)) for number, one in known.applications.items()),
        applicants=_moved(known.applicants, gone, pseudonym),
    )


def _moved(numbers: Map[str, int], gone: str, pseudonym: str) -> Map[str, int]:
    number = numbers.get(gone)
    return numbers if number is None else numbers.delete(gone).set(pseudonym, number)


def _forgotten(studio: StudioState, event: PersonForgotten) -> StudioState:
    gone, pseudonym = event.playtester_id, event.pseudonym
    known = studio.playtesters.get(gone)
    playtesters = studio.playtesters if known is None else studio.playtesters.delete(gone)
    if event.playtester is not None:
        left = known or PlaytesterState(event.playtester)
        payouts = left.payouts.update({payout.id: payout for payout in event.payouts})
        left = replace(left, playtester=event.playtester, sequence=0, payouts=payouts, forgotten=True)
        playtesters = playtesters.set(pseudonym, left)
    orders = studio.orders.mutate()
    for order_id, order in studio.orders.items():
        if is_about(order, gone):
            orders[order_id] = renamed(order, gone, pseudonym)
    sequence = known.sequence if known is not None else 0
    forgotten = studio.forgotten.set(gone, Forgotten(pseudonym, sequence + 1))
    return replace(
        studio,
        orders=orders.finish(),
        playtesters=playtesters,
        forgotten=forgotten.set(pseudonym, Forgotten(pseudonym)),
    )


PERSON_STEPS: Final[dict[type[Message], Step]] = {PersonForgotten: _forgotten}
