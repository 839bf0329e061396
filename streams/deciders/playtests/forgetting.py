"""A person is forgotten: in key batches, and in the panel under a pseudonym. Nobody goes by the id later."""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from schemas.envelope import CommandRejected
from schemas.playtests import account_commands, names, order_commands, slot_commands
from schemas.playtests.person_messages import (
    ForgetPerson,
    ForgottenApplication,
    ForgottenSlot,
    PersonForgotten,
    TesterHandle,
)
from streams.deciders.noun import Request, Verdict
from streams.deciders.playtests.applications import withdraw_pending
from streams.deciders.playtests.batch_state import Batch
from streams.deciders.playtests.draft import Draft, slot_state
from streams.deciders.playtests.evolve_forgotten import is_about, renamed
from streams.deciders.playtests.redemptions import forget_keys
from streams.deciders.playtests.refusals import not_found
from streams.deciders.playtests.state import OrderState, PlaytestsState, StudioState

_OF_PLAYTESTERS = (
    account_commands.ChangePlaytester,
    order_commands.MakeApplication,
    order_commands.WithdrawApplication,
    slot_commands.AbandonSlot,
    slot_commands.BlockSlot,
    slot_commands.ClaimSlot,
    slot_commands.SubmitSlot,
)
"""What playtesters ask themselves. Of payouts the operator tells, of pseudonyms too."""


def refused_to_forgotten(state: PlaytestsState, request: Request) -> CommandRejected | None:
    """404 for what a playtester asks whose id is forgotten, or a pseudonym; None for all else."""
    command = request.command
    if not isinstance(command, _OF_PLAYTESTERS):
        return None
    studio = state.studios.get(request.studio_id)
    if studio is None or command.playtester_id not in studio.forgotten:
        return None
    return not_found("playtester")


def forget(state: PlaytestsState, request: Request, command: ForgetPerson) -> Verdict:
    """Everything in one decision; an id of which nothing is known is closed too, against what comes late."""
    draft = Draft(state, request)
    keys = _keys_of(draft.studio, command.playtester_id, command.handles)
    for batch_id, batch in sorted(draft.studio.batches.items()):
        forget_keys(draft, batch_id, batch, {one for one in keys if _is_redeemed(batch, one, keys[one])})
    if command.playtester_id not in draft.studio.forgotten:
        _forget_playtester(draft, command.playtester_id, command.pseudonym)
    return draft.decided()


def _keys_of(studio: StudioState, device_id: str, handles: Collection[TesterHandle]) -> dict[str, str]:
    """By key: the handle of theirs that it may have been redeemed under, whichever batch it is of."""
    found: dict[str, str] = {}
    for game_id, game in studio.games.items():
        theirs = {one.handle for one in handles if one.game_id == game_id}
        if device_id in game.devices:
            theirs.add(game.links[game.devices[device_id]].handle)
        for handle in theirs:
            key_id = game.handles.get(handle.lower())
            if key_id is not None:
                found[key_id] = handle
    return found


def _is_redeemed(batch: Batch, key_id: str, handle: str) -> bool:
    """Whether it is a key of the batch, under the handle as it is written: otherwise no store finds it."""
    number = batch.numbers.get(key_id)
    redemption = batch.keys[number].state.redemption if number is not None else None
    return redemption is not None and redemption.handle == handle


def _forget_playtester(draft: Draft, playtester_id: str, pseudonym: str) -> None:
    studio = draft.studio
    known = studio.playtesters.get(playtester_id)
    orders = [
        renamed(order, playtester_id, pseudonym)
        for _, order in sorted(studio.orders.items())
        if is_about(order, playtester_id)
    ]
    left = replace(
        draft.playtester(playtester_id).playtester,
        id=pseudonym,
        display_name=None,
        gaming_experience=None,
        validated_at_ms=None,
    )
    payouts = sorted(known.payouts.values(), key=lambda one: one.id) if known is not None else []
    draft.emit(
        PersonForgotten(
            studio_id=draft.studio_id,
            playtester_id=playtester_id,
            pseudonym=pseudonym,
            playtester=left if known is not None or orders else None,
            payouts=[replace(one, playtester_id=pseudonym, external_id=None, reason=None) for one in payouts],
            slots=[slot for order in orders for slot in _slots(order, pseudonym)],
            applications=[
                ForgottenApplication(
                    order_id=order.order.id,
                    game_id=order.order.game_id,
                    id=names.application_id(order.order.id, order.applicants[pseudonym]),
                )
                for order in orders
                if pseudonym in order.applicants
            ],
            orders=[order.order for order in orders if order.order.targeted_playtester_id == pseudonym],
        )
    )
    for order in orders:
        number = order.applicants.get(pseudonym)
        if number is not None and order.applications[number].status == "pending":
            withdraw_pending(draft, draft.studio.orders[order.order.id], number, order.applications[number])


def _slots(order: OrderState, pseudonym: str) -> list[ForgottenSlot]:
    return [
        ForgottenSlot(
            order_id=order.order.id,
            game_id=order.order.game_id,
            slot=slot_state(order.order.id, number, slot),
            rating=slot.rating,
            transcription=slot.transcription,
        )
        for number, slot in sorted(order.slots.items())
        if slot.playtester_id == pseudonym
    ]
