"""Claims, and the pools of orders with manual selection."""

from __future__ import annotations

from typing import Any, Literal

from schemas.envelope import CommandRejected
from schemas.playtests import names, order_commands, order_events, slot_commands, slot_events
from schemas.playtests.limits import POOL_MAX
from schemas.playtests.views import ApplicationState, AutoRejected
from streams.deciders.noun import Request, Verdict
from streams.deciders.playtests.draft import Draft, application_state, progress_moved, shown, slot_state
from streams.deciders.playtests.eligibility import not_eligible, not_offered
from streams.deciders.playtests.refusals import conflict, not_found, wrong_mode
from streams.deciders.playtests.state import Application, OrderState, PlaytestsState, Slot


def claim(state: PlaytestsState, request: Request, command: slot_commands.ClaimSlot) -> Verdict:
    """The lowest open slot, to the first eligible playtester in the log."""
    draft = Draft(state, request)
    playtester_id = command.playtester_id
    known = draft.studio.orders.get(command.order_id)
    refusal = not_offered(known, playtester_id)
    if refusal is not None or known is None:
        return refusal or not_found("playtest")
    refusal = _no_claim(draft, known, playtester_id)
    if refusal is not None:
        return refusal
    _reserve(draft, known, playtester_id)
    return draft.decided()


def apply(state: PlaytestsState, request: Request, command: order_commands.MakeApplication) -> Verdict:
    """One application a playtester and order, for life."""
    draft = Draft(state, request)
    studio, playtester_id = draft.studio, command.playtester_id
    known = studio.orders.get(command.order_id)
    refusal = not_offered(known, playtester_id)
    if refusal is not None or known is None:
        return refusal or not_found("playtest")
    if known.order.selection_mode != "manual":
        return wrong_mode("This playtest takes no applications: claim a slot.")
    refusal = (
        _no_application(draft, known, playtester_id)
        or not_eligible(studio, known, playtester_id)
        or _full(known)
    )
    if refusal is not None:
        return refusal
    number = len(known.applications) + 1
    application = Application(playtester_id, "pending", request.at_ms, command.qualifications_response)
    draft.emit(
        order_events.ApplicationMade(
            application=application_state(known.order.id, number, application),
            qualifications_response=command.qualifications_response,
            applicant=draft.playtester(playtester_id).playtester,
            **draft.of(known.order),
        )
    )
    return draft.decided()


def approve(state: PlaytestsState, request: Request, command: order_commands.ApproveApplication) -> Verdict:
    """The lowest open slot is reserved for the applicant; with the last one all others are rejected."""
    draft = Draft(state, request)
    found = _pending(draft, command.application_id)
    if isinstance(found, CommandRejected):
        return found
    known, number, application = found
    if _window_over(draft, known):
        return conflict("window_closed")
    refusal = not_eligible(draft.studio, known, application.playtester_id)
    if refusal is not None:
        return refusal
    if not known.open:
        return conflict("no_open_slot")
    slot_id = names.slot_id(known.order.id, known.open[0])
    told = _reviewed(draft, known, number, "approved", assigned_slot_id=slot_id)
    remaining = len(known.open) - 1
    draft.emit(
        order_events.ApplicationApproved(
            slots_remaining=remaining, **_event_of(draft, known, application, told)
        )
    )
    _reserve(draft, known, application.playtester_id, told.id)
    if not remaining:
        auto_reject(draft, draft.studio.orders[known.order.id], "filled")
    return draft.decided()


def reject(state: PlaytestsState, request: Request, command: order_commands.RejectApplication) -> Verdict:
    """One application is rejected; its playtester can't apply again."""
    draft = Draft(state, request)
    found = _pending(draft, command.application_id)
    if isinstance(found, CommandRejected):
        return found
    known, number, application = found
    told = _reviewed(draft, known, number, "rejected")
    draft.emit(
        order_events.ApplicationRejected(
            custom_message=command.custom_message, **_event_of(draft, known, application, told)
        )
    )
    return draft.decided()


def withdraw(state: PlaytestsState, request: Request, command: order_commands.WithdrawApplication) -> Verdict:
    """A playtester takes their application back."""
    draft = Draft(state, request)
    found = _pending(draft, command.application_id, command.playtester_id)
    if isinstance(found, CommandRejected):
        return found
    withdraw_pending(draft, *found)
    return draft.decided()


def withdraw_pending(draft: Draft, known: OrderState, number: int, application: Application) -> None:
    """Take a pending application back."""
    told = _reviewed(draft, known, number, "withdrawn")
    draft.emit(order_events.ApplicationWithdrawn(**_event_of(draft, known, application, told)))


def auto_reject(
    draft: Draft, known: OrderState, reason: Literal["filled", "window_over", "order_cancelled"]
) -> None:
    """All pending applications of an order, however many: one event."""
    if not known.pending:
        return
    order_id = known.order.id
    rejected = [
        AutoRejected(
            names.application_id(order_id, number), application.playtester_id, application.created_at_ms
        )
        for number, application in sorted(known.applications.items())
        if application.status == "pending"
    ]
    draft.emit(
        order_events.ApplicationsAutoRejected(reason=reason, applications=rejected, **draft.of(known.order))
    )


def _reserve(draft: Draft, known: OrderState, playtester_id: str, application_id: str | None = None) -> None:
    number = known.open[0]
    slot = known.slots[number]
    deadline_at_ms = draft.at_ms + slot.submit_within_ms
    reserved = Slot(
        "reserved",
        slot.created_at_ms,
        slot.submit_within_ms,
        deadline_at_ms,
        deadline_at_ms,
        playtester_id,
        slot.previous,
        slot.key_number,
    )
    draft.emit(
        slot_events.SlotReserved(
            slot=slot_state(known.order.id, number, reserved),
            progress=progress_moved(known, "open", "reserved"),
            shown=shown(known, reserved),
            application_id=application_id,
            **draft.of(known.order),
        )
    )


def _no_claim(draft: Draft, known: OrderState, playtester_id: str) -> CommandRejected | None:
    if known.order.selection_mode == "manual":
        return wrong_mode("This playtest takes applications: apply to it.")
    if known.order.status == "cancelled":
        return conflict("wrong_status")
    if playtester_id in known.holders:
        return conflict("already_claimed")
    refusal = not_eligible(draft.studio, known, playtester_id)
    if refusal is None and not known.open:
        return conflict("no_open_slot")
    return refusal


def _no_application(draft: Draft, known: OrderState, playtester_id: str) -> CommandRejected | None:
    if known.order.status == "cancelled":
        return conflict("wrong_status")
    if playtester_id in known.applicants:
        return conflict("already_claimed")
    return conflict("window_closed") if _window_over(draft, known) else None


def _full(known: OrderState) -> CommandRejected | None:
    if not known.open:
        return conflict("no_open_slot")
    return conflict("pool_full") if len(known.applications) >= POOL_MAX else None


def _window_over(draft: Draft, known: OrderState) -> bool:
    expires_at_ms = known.order.applications_expire_at_ms
    return expires_at_ms is not None and draft.at_ms >= expires_at_ms


def _pending(
    draft: Draft, application_id: str, playtester_id: str | None = None
) -> tuple[OrderState, int, Application] | CommandRejected:
    place = names.place_of("application", application_id)
    known = draft.studio.orders.get(place[0]) if place is not None else None
    application = known.applications.get(place[1]) if known is not None and place is not None else None
    if known is None or place is None or application is None:
        return not_found("application")
    if playtester_id not in {None, application.playtester_id}:
        return not_found("application")
    if application.status != "pending":
        return conflict("not_pending")
    return known, place[1], application


def _reviewed(
    draft: Draft,
    known: OrderState,
    number: int,
    status: Literal["approved", "rejected", "withdrawn"],
    assigned_slot_id: str | None = None,
) -> ApplicationState:
    return application_state(
        known.order.id,
        number,
        known.applications[number],
        status=status,
        reviewed_at_ms=draft.at_ms,
        assigned_slot_id=assigned_slot_id,
    )


def _event_of(
    draft: Draft, known: OrderState, application: Application, told: ApplicationState
) -> dict[str, Any]:
    """What every event of one application says."""
    return {
        "application": told,
        "qualifications_response": application.response,
        "applicant": draft.playtester(application.playtester_id).playtester,
        **draft.of(known.order),
    }
