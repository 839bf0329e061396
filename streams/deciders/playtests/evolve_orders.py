"""How events change orders and their pools. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final

from immutables import Map
from msgspec.structs import replace

from schemas.codec import Message
from schemas.playtests import order_events, slot_events
from streams.deciders.playtests.evolve_accounts import Step, moved
from streams.deciders.playtests.state import KEY_DIGEST_BYTES, Application, OrderState, Slot, StudioState
from streams.deciders.playtests.terms import submit_within_ms


def with_order(studio: StudioState, known: OrderState, **changed: Any) -> StudioState:
    """The studio with one order changed, which counts the event."""
    known = replace(known, sequence=known.sequence + 1, **changed)
    return replace(studio, orders=studio.orders.set(known.order.id, known))


def key_digests(fingerprints: Iterable[str]) -> bytes:
    """What is kept of keys' fingerprints."""
    return b"".join(
        hashlib.blake2b(fingerprint.encode(), digest_size=KEY_DIGEST_BYTES).digest()
        for fingerprint in fingerprints
    )


def _ordered(studio: StudioState, event: order_events.PlaytestOrdered) -> StudioState:
    order = event.order
    known = OrderState(
        order,
        keys=tuple(event.keys),
        key_digests=key_digests(event.key_fingerprints),
        next_key=min(order.quantity, len(event.keys)) + 1,
    )
    if order.trial != "none":
        studio = replace(studio, trials=studio.trials.set(order.game_id, order.id))
    return replace(studio, orders=studio.orders.set(order.id, known))


def _paid(studio: StudioState, event: order_events.PlaytestPaid) -> StudioState:
    studio = replace(studio, account=moved(studio.account, event.movement))
    return with_order(studio, studio.orders[event.order_id], progress=event.progress)


def _activated(studio: StudioState, event: order_events.PlaytestActivated) -> StudioState:
    slots = {
        state.number: Slot(
            state.status,
            state.created_at_ms,
            submit_within_ms(event.order),
            key_number=state.key_number or 0,
        )
        for state in event.slots
    }
    return with_order(
        studio,
        studio.orders[event.order_id],
        order=event.order,
        progress=event.progress,
        slots=Map(slots),
        open=tuple(sorted(slots)),
    )


def _changed(studio: StudioState, event: order_events.PlaytestChanged) -> StudioState:
    known = studio.orders[event.order_id]
    return with_order(
        studio,
        known,
        order=event.order,
        keys=(*known.keys, *event.keys),
        key_digests=known.key_digests + key_digests(event.key_fingerprints),
    )


def _cancelled(studio: StudioState, event: order_events.PlaytestCancelled) -> StudioState:
    if event.trial_returned:
        studio = replace(studio, trials=studio.trials.delete(event.game_id))
    known = studio.orders[event.order_id]
    return with_order(
        studio,
        known,
        order=event.order,
        progress=event.progress,
        keys=known.keys if event.progress.slots.live else (),
    )


def _standing(
    studio: StudioState,
    event: order_events.PlaytestCompleted | order_events.TrialApproved | order_events.TrialDeclined,
) -> StudioState:
    return with_order(studio, studio.orders[event.order_id], order=event.order)


def _application(studio: StudioState, event: order_events.ApplicationEvent) -> StudioState:
    known = studio.orders[event.order_id]
    told = event.application
    pending = told.status == "pending"
    number = known.applicants.get(told.playtester_id) or len(known.applications) + 1
    application = Application(
        told.playtester_id,
        told.status,
        told.created_at_ms,
        event.qualifications_response if pending else "",
    )
    return with_order(
        studio,
        known,
        applications=known.applications.set(number, application),
        applicants=known.applicants.set(told.playtester_id, number) if pending else known.applicants,
        pending=known.pending + (1 if pending else -1),
    )


def _auto_rejected(studio: StudioState, event: order_events.ApplicationsAutoRejected) -> StudioState:
    known = studio.orders[event.order_id]
    applications = known.applications.mutate()
    for told in event.applications:
        number = known.applicants[told.playtester_id]
        applications[number] = Application(told.playtester_id, "auto_rejected", told.created_at_ms)
    return with_order(
        studio,
        known,
        applications=applications.finish(),
        pending=known.pending - len(event.applications),
    )


def _transcript(studio: StudioState, event: slot_events.TranscriptEvent) -> StudioState:
    known = studio.orders[event.order_id]
    slot = replace(known.slots[event.slot_number], transcription=event.transcription.status)
    return with_order(studio, known, slots=known.slots.set(event.slot_number, slot))


ORDER_STEPS: Final[dict[type[Message], Step]] = {
    order_events.PlaytestOrdered: _ordered,
    order_events.PlaytestPaid: _paid,
    order_events.PlaytestActivated: _activated,
    order_events.PlaytestChanged: _changed,
    order_events.PlaytestCancelled: _cancelled,
    order_events.PlaytestCompleted: _standing,
    order_events.TrialApproved: _standing,
    order_events.TrialDeclined: _standing,
    order_events.ApplicationMade: _application,
    order_events.ApplicationApproved: _application,
    order_events.ApplicationRejected: _application,
    order_events.ApplicationWithdrawn: _application,
    order_events.ApplicationsAutoRejected: _auto_rejected,
    slot_events.TranscriptRequested: _transcript,
    slot_events.TranscriptApproved: _transcript,
    slot_events.TranscriptFailed: _transcript,
}
