"""Wallet and inventory: balances move, never below zero, never beyond 64 bits, each with its ledger row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from schemas.codec import Message
from schemas.envelope import CommandRejected
from schemas.liveops.commands import ConsumeItem, CreditWallet, DebitWallet, GrantItem
from schemas.liveops.events import InventoryChanged, WalletChanged
from schemas.liveops.names import external_id_of
from schemas.liveops.views import INT64_MAX, Grant, GrantEntry, Movement
from streams.deciders.liveops.players import created
from streams.deciders.liveops.refusals import conflict, invalid
from streams.deciders.liveops.state import LiveopsState, Player
from streams.deciders.noun import Request, Verdict

Kind = Literal["item", "currency"]


class _Amount(NamedTuple):
    """So much of what."""

    kind: Kind
    key: str
    quantity: int


def debit(state: LiveopsState, request: Request, command: DebitWallet) -> Verdict:
    """Take from a balance."""
    return _taken(state, request, command, _Amount("currency", command.economy_key, command.amount))


def consume(state: LiveopsState, request: Request, command: ConsumeItem) -> Verdict:
    """Take from a holding, where the platform keeps inventories."""
    if command.inventory_mode == "studio":
        return _studio_keeps()
    return _taken(state, request, command, _Amount("item", command.item_key, command.quantity))


def credit(state: LiveopsState, request: Request, command: CreditWallet) -> Verdict:
    """Add to a balance."""
    return _added(state, request, command, _Amount("currency", command.economy_key, command.amount))


def grant_item(state: LiveopsState, request: Request, command: GrantItem) -> Verdict:
    """Add to a holding, where the platform keeps inventories."""
    if command.inventory_mode == "studio":
        return _studio_keeps()
    return _added(state, request, command, _Amount("item", command.item_key, command.quantity))


def claimed(
    request: Request, player: Player, grant: Grant, entries: Iterable[GrantEntry]
) -> list[Message] | CommandRejected:
    """The movements of a grant's entries into a player's wallet and inventory, all of them or a refusal."""
    events: list[Message] = []
    balances: dict[tuple[Kind, str], int] = {}
    for entry in entries:
        key = entry.type, entry.key
        before = balances.get(key)
        balance = (_balance(player, *key) if before is None else before) + entry.quantity
        if balance > INT64_MAX:
            return _too_much(entry.key)
        balances[key] = balance
        movement = Movement(
            number=player.movements + len(events) + 1,
            type=entry.type,
            key=entry.key,
            amount=entry.quantity,
            balance=balance,
            cause="claim",
            command_id=request.command_id,
            reason=grant.trigger,
            grant_id=grant.id,
            table_version=grant.roll.table_version if grant.roll else "",
            seed=grant.roll.seed if grant.roll else "",
        )
        events.append(_changed(request.game_id, player.external_id, movement))
    return events


def _taken(
    state: LiveopsState,
    request: Request,
    command: DebitWallet | ConsumeItem,
    amount: _Amount,
) -> Verdict:
    problem = _amount_problem(command, amount)
    if problem is not None:
        return problem
    kind, key, quantity = amount
    player = state.players.get(request.aggregate_id)
    balance = _balance(player, kind, key)
    if player is None or balance < quantity:
        return conflict(
            "insufficient_balance", f"{quantity} of {key} asked, {balance} there", balance=balance
        )
    movement = Movement(
        number=player.movements + 1,
        type=kind,
        key=key,
        amount=-quantity,
        balance=balance - quantity,
        cause="debit" if kind == "currency" else "consume",
        command_id=request.command_id,
        reason=command.reason,
    )
    return (_changed(request.game_id, player.external_id, movement),)


def _added(
    state: LiveopsState,
    request: Request,
    command: CreditWallet | GrantItem,
    amount: _Amount,
) -> Verdict:
    problem = _amount_problem(command, amount)
    if problem is not None:
        return problem
    kind, key, quantity = amount
    player = state.players.get(request.aggregate_id)
    balance = _balance(player, kind, key) + quantity
    if balance > INT64_MAX:
        return _too_much(key)
    movement = Movement(
        number=(player.movements if player is not None else 0) + 1,
        type=kind,
        key=key,
        amount=quantity,
        balance=balance,
        cause="credit" if kind == "currency" else "item_grant",
        command_id=request.command_id,
        reason=command.reason,
    )
    changed = _changed(request.game_id, external_id_of(request.aggregate_id), movement)
    return (*created(state, request), changed)


def _amount_problem(
    command: DebitWallet | ConsumeItem | CreditWallet | GrantItem, amount: _Amount
) -> CommandRejected | None:
    kind, key, quantity = amount
    if not 1 <= quantity <= INT64_MAX:
        return invalid("a positive 64-bit integer is needed", "amount" if kind == "currency" else "quantity")
    if not command.in_catalog:
        return conflict(f"unknown_{kind}", f"the catalog has no {kind} {key}")
    return None


def _balance(player: Player | None, kind: Kind, key: str) -> int:
    if player is None:
        return 0
    holding = (player.wallet if kind == "currency" else player.items).get(key)
    return holding.quantity if holding is not None else 0


def _changed(game_id: str, external_id: str, movement: Movement) -> Message:
    event = WalletChanged if movement.type == "currency" else InventoryChanged
    return event(game_id=game_id, external_id=external_id, movement=movement)


def _studio_keeps() -> CommandRejected:
    return conflict("inventory_mode", "the studio keeps this game's inventories")


def _too_much(key: str) -> CommandRejected:
    return conflict("balance_limit", f"a balance of {key} can't be more than {INT64_MAX}")
