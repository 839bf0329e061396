"""Playtesters: what they say of themselves, what they are paid, and that they are forgotten."""

from __future__ import annotations

from msgspec import UNSET
from msgspec.structs import replace

from schemas.playtests import account_commands as ask
from schemas.playtests import account_events as ev
from schemas.playtests import names
from schemas.playtests.account_views import Payout
from streams.deciders.noun import Request, Verdict
from streams.deciders.playtests.applications import withdraw_pending
from streams.deciders.playtests.draft import Draft
from streams.deciders.playtests.refusals import conflict, invalid, not_found
from streams.deciders.playtests.state import PlaytestsState


def change(state: PlaytestsState, request: Request, command: ask.ChangePlaytester) -> Verdict:
    """Another profile; validated once and for all, until it is taken back."""
    draft = Draft(state, request)
    known = draft.playtester(command.playtester_id)
    if known.forgotten:
        return not_found("playtester")
    playtester = known.playtester
    if command.display_name is not UNSET:
        playtester = replace(playtester, display_name=command.display_name)
    if command.gaming_experience is not UNSET:
        playtester = replace(playtester, gaming_experience=command.gaming_experience)
    if command.validated is not UNSET:
        since_ms = (playtester.validated_at_ms or request.at_ms) if command.validated else None
        playtester = replace(playtester, validated_at_ms=since_ms)
    draft.emit(
        ev.PlaytesterChanged(studio_id=request.studio_id, playtester_id=playtester.id, playtester=playtester)
    )
    return draft.decided()


def forget(state: PlaytestsState, request: Request, command: ask.ForgetPlaytester) -> Verdict:
    """Drop a person; money stays counted."""
    draft = Draft(state, request)
    known = draft.studio.playtesters.get(command.playtester_id)
    has_applied = [
        order for order in draft.studio.orders.values() if command.playtester_id in order.applicants
    ]
    if known is None and not has_applied:
        return not_found("playtester")
    if known is not None and known.forgotten:
        return ()
    for order in sorted(has_applied, key=lambda each: each.order.id):
        number = order.applicants[command.playtester_id]
        if order.applications[number].status == "pending":
            withdraw_pending(draft, order, number, order.applications[number])
    left = replace(
        draft.playtester(command.playtester_id).playtester,
        display_name=None,
        gaming_experience=None,
        validated_at_ms=None,
    )
    draft.emit(ev.PlaytesterForgotten(studio_id=request.studio_id, playtester_id=left.id, playtester=left))
    return draft.decided()


def send_payout(state: PlaytestsState, request: Request, command: ask.SendPayout) -> Verdict:
    """Money that the operator has sent."""
    draft = Draft(state, request)
    if command.amount_cents < 1:
        return invalid("amountCents", "must be at least 1")
    known = draft.studio.playtesters.get(command.playtester_id)
    if known is None:
        return not_found("playtester")
    if known.playtester.balance_cents < command.amount_cents:
        return conflict("insufficient_balance")
    payout = Payout(
        id=names.payout_id(request.command_id),
        playtester_id=command.playtester_id,
        amount_cents=command.amount_cents,
        status="sent",
        sent_at_ms=request.at_ms,
        external_id=command.external_id,
    )
    movement = draft.earning(known, "payout_sent", -payout.amount_cents, payout_id=payout.id)
    draft.emit(
        ev.PayoutSent(
            studio_id=request.studio_id,
            playtester_id=command.playtester_id,
            payout=payout,
            movement=movement,
            playtester=replace(known.playtester, balance_cents=movement.balance_cents),
        )
    )
    return draft.decided()


def fail_payout(state: PlaytestsState, request: Request, command: ask.FailPayout) -> Verdict:
    """It came back."""
    draft = Draft(state, request)
    known = draft.studio.playtesters.get(command.playtester_id)
    payout = known.payouts.get(command.payout_id) if known is not None else None
    if known is None or payout is None:
        return not_found("payout")
    if payout.status != "sent":
        return conflict("wrong_status")
    movement = draft.earning(
        known, "payout_failed", payout.amount_cents, payout_id=payout.id, reason=command.reason
    )
    draft.emit(
        ev.PayoutFailed(
            studio_id=request.studio_id,
            playtester_id=command.playtester_id,
            payout=replace(payout, status="failed", reason=command.reason),
            movement=movement,
            playtester=replace(known.playtester, balance_cents=movement.balance_cents),
        )
    )
    return draft.decided()
