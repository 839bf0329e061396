"""What must be true of players at rest, whatever happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from deploy.lab.simulation.liveops.game import CAP, GAME_ID
from projections.liveops import keys
from schemas.liveops.ports import HoldingRow, LedgerRow

if TYPE_CHECKING:
    from deploy.lab.simulation.liveops.clients import SimulatedPlayer
    from deploy.lab.simulation.stage import Stage


def problems_of_player(stage: Stage, player: SimulatedPlayer) -> list[str]:
    """Every promise about a player that does not hold, a line each."""
    found = [
        f"{player.external_id}: {key} was answered in {len(outcomes)} ways"
        for key, outcomes in player.outcomes.items()
        if len(outcomes) > 1
    ]
    found += [
        f"{player.external_id}: crate {crate} was rolled in {len(rolled)} ways"
        for crate, rolled in player.contents.items()
        if len(rolled) > 1
    ]
    if player.starts > CAP:
        found.append(f"{player.external_id}: {player.starts} attempts, the cap is {CAP}")
    values: dict[str, Any] = stage.redis.live.values
    game = GAME_ID
    wallet = values.get(keys.player_key("wallet", game, player.external_id), {})
    held = [msgspec.msgpack.decode(row, type=HoldingRow).quantity for row in wallet.values()]
    balance = sum(held)
    if balance != player.balance:
        found.append(
            f"{player.external_id}: balance {balance}, the accepted operations give {player.balance}"
        )
    if any(quantity < 0 for quantity in held):
        found.append(f"{player.external_id}: a balance is negative")
    ledger = values.get(keys.player_key("ledger", game, player.external_id), {})
    rows = [msgspec.msgpack.decode(row, type=LedgerRow).movement for row in ledger.values()]
    if len(rows) < 100 and sum(row.amount for row in rows) != balance:
        found.append(f"{player.external_id}: the ledger does not sum up to the balance")
    causes = [row.grant_id for row in rows if row.grant_id]
    if len(set(causes)) != len(causes):
        found.append(f"{player.external_id}: a grant was claimed twice")
    return found
