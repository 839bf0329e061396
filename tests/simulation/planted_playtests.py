"""Faults of playtests' deciders, projection and gateway, each planted by one replacement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from immutables import Map
from msgspec.structs import replace

from projections.playtests import batch_reads, projection
from projections.playtests import batches as batch_rows
from projections.playtests import orders as order_rows
from projections.playtests import slots as slot_rows
from schemas.playtests import (
    account_events,
    batch_events,
    batch_views,
    order_events,
    secrets,
    slot_events,
    tokens,
)
from schemas.playtests.account_views import Payment
from streams.deciders.playtests import (
    applications,
    batch_rules,
    batches,
    evolve,
    evolve_batches,
    evolve_slots,
    redemptions,
    refusals,
    seats,
    slots,
)
from streams.gateway import keyed_requests
from streams.gateway.pending_commands import CommandConflict
from streams.gateway.playtests import claims
from streams.gateway.playtests import redemptions as redemption_door

Patch = pytest.MonkeyPatch
Fault = Callable[[Patch], None]
_STEPS: Final[dict[Any, Any]] = evolve.STEPS
_ROWS: Final[dict[Any, Any]] = projection.STEPS
_BEFORE: Final[dict[Any, Any]] = slot_rows.BEFORE


def due_early(patch: Patch) -> None:
    """A due is believed before its time."""
    patch.setattr(slots, "_is_due", lambda _slot, _at_ms: True)


def deadline_waits(patch: Patch) -> None:
    """A deadline waits for its due."""

    def reserved(draft: Any, slot_id: str, command: Any, playtester_id: str) -> Any:
        return slots.find(draft, slot_id, command, playtester_id)

    patch.setattr(slots, "_reserved", reserved)


def spare_twice(patch: Patch) -> None:
    """A spare key is given twice."""
    opened = seats._open_successor

    def first_key(draft: Any, known: Any, number: int) -> Any:
        return replace(opened(draft, known, number), key_number=1 if known.keys else None)

    patch.setattr(seats, "_open_successor", first_key)


def seat_reopens(patch: Patch) -> None:
    """A seat reopens although the order was cancelled or no spare is left."""
    patch.setattr(seats, "_reopens", lambda _draft, _known: True)


def seat_lost(patch: Patch) -> None:
    """The money of a seat that ends is not credited."""
    patch.setattr(seats, "credited", lambda _draft, known, _number: (known.progress.money, None))


def anyone_eligible(patch: Patch) -> None:
    """Whoever asks is new, and past."""
    patch.setattr(applications, "not_eligible", lambda *_: None)


def trial_unapproved(patch: Patch) -> None:
    """A trial is offered before it is approved."""
    patch.setattr(applications, "not_offered", lambda *_: None)


def _step(patch: Patch, kind: Any, change: Callable[[Any, Any, Any], Any]) -> None:
    """Another state after one kind of event: `change` has the state before, the event, and the true one."""
    true = _STEPS[kind]

    def step(studio: Any, event: Any) -> Any:
        return change(studio, event, true(studio, event))

    patch.setitem(_STEPS, kind, step)


def payment_twice(patch: Patch) -> None:
    """A payment stays pending after its end."""

    def change(_: Any, event: Any, after: Any) -> Any:
        pending: Payment = replace(event.payment, status="pending")
        return replace(after, payments=after.payments.set(pending.id, pending))

    _step(patch, account_events.PaymentCompleted, change)


def trial_twice(patch: Patch) -> None:
    """A game's trial is forgotten."""
    _step(patch, order_events.PlaytestOrdered, lambda _b, _e, after: replace(after, trials=Map()))


def payout_twice(patch: Patch) -> None:
    """A payout leaves the balance as it was."""

    def change(before: Any, event: Any, after: Any) -> Any:
        known = after.playtesters[event.playtester_id]
        held = before.playtesters[event.playtester_id].playtester
        return replace(after, playtesters=after.playtesters.set(held.id, replace(known, playtester=held)))

    _step(patch, account_events.PayoutSent, change)


def second_slot(patch: Patch) -> None:
    """Who has had a slot of an order may claim another."""

    def change(before: Any, event: Any, after: Any) -> Any:
        known = after.orders[event.order_id]
        holders = before.orders[event.order_id].holders
        return replace(after, orders=after.orders.set(event.order_id, replace(known, holders=holders)))

    _step(patch, slot_events.SlotReserved, change)


def credit_forgotten(patch: Patch) -> None:
    """What was credited is not in the balance."""
    patch.setattr(evolve_slots, "moved", lambda account, _movement: account)


def key_twice(patch: Patch) -> None:
    """A key stays available after it was redeemed."""

    def after(known: Any, _key: Any, counts: Any, invite: Any = None) -> Any:
        invites = known.invites if invite is None else known.invites.set(invite.id, invite)
        return replace(known, sequence=known.sequence + 1, counts=counts, invites=invites)

    patch.setattr(evolve_batches, "_after", after)


def invite_twice(patch: Patch) -> None:
    """An invite's link gives its key to everybody."""
    patch.setattr(
        redemptions,
        "_key_for",
        lambda batch, invite: (
            batch.keys.get(batch.next_number if invite is None else batch.numbers[invite.key_id])
            or refusals.batch_conflict("no_key_left")
        ),
    )


def code_twice(patch: Patch) -> None:
    """A code that the studio has is imported again."""
    _step(patch, batch_events.KeysImported, lambda _b, _e, after: replace(after, codes=Map()))


def full_ignored(patch: Patch) -> None:
    """A batch takes more keys than it may."""
    patch.setattr(batches, "_is_over", lambda _counts, _most: False)


def full_early(patch: Patch) -> None:
    """A batch is told as full when it gets its last key."""
    patch.setattr(batches, "_is_over", lambda counts, most: counts.keys >= most)


def _checked(patch: Patch, change: Callable[[str, Any], Any]) -> None:
    """Another state of the key that a code leads to: `change` has the code's game and the key."""
    true = batch_reads.BatchQueries.code

    async def code(reads: Any, studio_id: str, fingerprint: str) -> Any:
        found = await true(reads, studio_id, fingerprint)
        return found and (found[0], found[1], change(found[0], found[2]))

    patch.setattr(batch_reads.BatchQueries, "code", code)


def code_revoked(patch: Patch) -> None:
    """A revoked key's code is valid while its batch is open."""
    _checked(patch, lambda _, key: replace(key, status="available") if key.status == "revoked" else key)


def code_closed(patch: Patch) -> None:
    """A code that was given ends with its batch."""
    _checked(patch, lambda _, key: replace(key, status="available") if key.status == "redeemed" else key)


def code_over(patch: Patch) -> None:
    """A code stays valid after its batch."""
    _checked(patch, lambda _, key: replace(key, status="redeemed") if key.status != "revoked" else key)


def code_former(patch: Patch) -> None:
    """A code that was imported under a former secret is not valid."""
    true = secrets.code_fingerprints
    patch.setattr(claims, "code_fingerprints", lambda *about: true(*about)[:1])


def rotated_code(patch: Patch) -> None:
    """A code, or a mailbox, is not known across a change of the secret."""
    patch.setattr(batches, "paired", lambda values, _old: [(value, ()) for value in values])


def over_open(patch: Patch) -> None:
    """An expired batch gives keys until it is told that it is over."""
    for module in (batches, redemptions):
        patch.setattr(
            module,
            "usable",
            lambda draft, request, name: (
                known
                if (known := batch_rules.find(draft.studio, request, name)) and known.batch.status == "open"
                else refusals.gone("batch")
            ),
        )


def closed_open(patch: Patch) -> None:
    """A closed batch gives keys."""
    patch.setattr(batch_views.Batch, "is_open", lambda batch, at_ms: not batch.definition.is_over(at_ms))


def batch_early(patch: Patch) -> None:
    """A batch's due is believed before its time."""
    patch.setattr(batch_views.BatchDefinition, "is_over", lambda one, _at_ms: one.expires_at_ms is not None)


def handle_case(patch: Patch) -> None:
    """Handles that differ by case alone are two."""

    def change(before: Any, event: Any, after: Any) -> Any:
        redemption = event.key.redemption
        if redemption is None or redemption.handle is None:
            return after
        game = before.games.get(event.game_id, evolve_batches._NO_GAME)
        game = replace(game, handles=game.handles.set(redemption.handle, event.key.id))
        return replace(after, games=after.games.set(event.game_id, game))

    _step(patch, batch_events.KeyRedeemed, change)


def mailbox_twice(patch: Patch) -> None:
    """A mailbox gets two keys of a batch."""

    def change(_: Any, event: Any, after: Any) -> Any:
        name = evolve_batches._aggregate(event)
        return replace(after, batches=after.batches.set(name, replace(after.batches[name], emails=Map())))

    for kind in (batch_events.KeyRedeemed, batch_events.InviteSent):
        _step(patch, kind, change)


def device_twice(patch: Patch) -> None:
    """A device gets two handles."""

    def change(_: Any, event: Any, after: Any) -> Any:
        game = replace(after.games[event.game_id], devices=Map())
        return replace(after, games=after.games.set(event.game_id, game))

    _step(patch, batch_events.TesterLinked, change)


def revoked_linked(patch: Patch) -> None:
    """A revoked key's handle stays linked."""
    patch.setattr(batches, "unlink_key", lambda *_: None)


def forgotten_linked(patch: Patch) -> None:
    """A forgotten person's handle stays linked."""
    true = batch_rules.unlink_key

    def unlink(draft: Any, key: Any, reason: Any, game_id: str = "") -> None:
        if reason != "forgotten":
            true(draft, key, reason, game_id)

    patch.setattr(redemptions, "unlink_key", unlink)


def forgotten_told(patch: Patch) -> None:
    """A forgotten person's handle and e-mail stay."""
    patch.setattr(redemptions, "_without_person", lambda key: key)


def answer_other(patch: Patch) -> None:
    """A redemption asked again is another one."""
    true = redemption_door.Redemptions._command_id

    def command_id(door: Any, link: Any, given: str, token: str) -> str:
        return true(door, link, given + door._links.new_id(), token)

    patch.setattr(redemption_door.Redemptions, "_command_id", command_id)


def claim_rotated(patch: Patch) -> None:
    """A claim token shown again is the one of another secret."""

    def shown(sealer: Any, command_id: str, handle: str, _hash: str) -> str:
        return tokens.claim_token(sealer, command_id, handle)

    patch.setattr(redemption_door, "shown_claim_token", shown)


def keyed_rotated(patch: Patch) -> None:
    """A write asked again across a change of the secret is a mismatch."""

    async def before(_self: Any, _asked: Any, _former: Any) -> Any:
        raise CommandConflict("another body")

    patch.setattr(keyed_requests.KeyedRequests, "_before", before)


def _row(patch: Patch, kind: Any) -> None:
    """An event that the projection passes over."""
    patch.setitem(_ROWS, kind, lambda _setting, _event: None)


def row_of_key(patch: Patch) -> None:
    """Redis shows a revoked key as it was."""
    _row(patch, batch_events.KeyRevoked)


def row_of_link(patch: Patch) -> None:
    """Redis shows a device that was unlinked."""
    _row(patch, batch_events.TesterUnlinked)


def row_of_share(patch: Patch) -> None:
    """A public link that was changed still leads somewhere."""
    true = batch_rows._stands
    patch.setitem(
        _ROWS,
        batch_events.BatchDefined,
        lambda setting, event: true(setting, replace(event, previous_share_token_hash="")),
    )


def row_of_status(patch: Patch) -> None:
    """A slot stays in the list of a status that it had."""
    patch.setitem(_BEFORE, slot_events.SlotBlocked, ())


def row_of_offer(patch: Patch) -> None:
    """A cancelled order is offered."""
    patch.setattr(order_rows, "_is_offered", lambda _order: True)


def accepted_twice(patch: Patch) -> None:
    """An acceptance pays, and leaves the slot as it was."""

    def change(before: Any, event: Any, after: Any) -> Any:
        known, held = after.orders[event.order_id], before.orders[event.order_id]
        return replace(after, orders=after.orders.set(event.order_id, replace(known, slots=held.slots)))

    _step(patch, slot_events.SlotAccepted, change)


def window_ignored(patch: Patch) -> None:
    """Applications are taken and approved after their window."""
    patch.setattr(applications, "_window_over", lambda _draft, _known: False)


def left_pending(patch: Patch) -> None:
    """The last approval leaves other applications pending."""
    patch.setattr(applications, "auto_reject", lambda *_: None)


FAULTS: Final[tuple[Fault, ...]] = (
    due_early,
    deadline_waits,
    spare_twice,
    seat_reopens,
    seat_lost,
    anyone_eligible,
    trial_unapproved,
    payment_twice,
    trial_twice,
    payout_twice,
    second_slot,
    credit_forgotten,
    accepted_twice,
    window_ignored,
    left_pending,
    key_twice,
    invite_twice,
    code_twice,
    full_ignored,
    full_early,
    code_revoked,
    code_closed,
    code_over,
    code_former,
    rotated_code,
    over_open,
    closed_open,
    batch_early,
    handle_case,
    mailbox_twice,
    device_twice,
    revoked_linked,
    forgotten_linked,
    forgotten_told,
    answer_other,
    claim_rotated,
    keyed_rotated,
    row_of_key,
    row_of_link,
    row_of_share,
    row_of_status,
    row_of_offer,
)
