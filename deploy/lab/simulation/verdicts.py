"""What must be true of a world at rest, whatever happened to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from deploy.lab.simulation.game import CAP, GAME_ID
from deploy.lab.simulation.log import accepted
from deploy.lab.simulation.verdicts_time import problems_of_time
from projections.liveops import keys
from schemas.liveops.ports import HoldingRow, LedgerRow
from streams.deciders.fold import Fold
from streams.deciders.liveops.noun import LIVEOPS

if TYPE_CHECKING:
    from deploy.lab.simulation.clients import SimulatedPlayer
    from deploy.lab.simulation.world import World


def problems(world: World) -> list[str]:
    """Every promise that does not hold, a line each."""
    found: list[str] = []
    for player in world.players:
        found += _of_player(world, player)
    for partition in range(world.events.partitions):
        found += _of_partition(world, partition)
    found += problems_of_time(world)
    rebuilt = world.rebuilt().values
    live = world.redis.live.values
    if rebuilt != live:
        different = sorted(key for key in {*rebuilt, *live} if rebuilt.get(key) != live.get(key))
        found.append(f"a rebuild differs from the live store in {different[:5]}")
    return found


def _of_player(world: World, player: SimulatedPlayer) -> list[str]:
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
    values: dict[str, Any] = world.redis.live.values
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


def _of_partition(world: World, partition: int) -> list[str]:
    """Exactly one counted events record for each command record, and one fold for all readers."""
    records = world.log.records(world.events.name, partition)
    asked = len(world.log.records(world.commands.name, partition))
    fold = Fold(LIVEOPS)
    for record in records:
        fold.accept(record)
    found = []
    if fold.cursor.src != asked - 1:
        found.append(f"partition {partition}: {asked} command records, decided up to {fold.cursor.src}")
    counted = sum(1 for _ in accepted(records))
    if counted != asked:
        found.append(f"partition {partition}: {counted} events records count for {asked} command records")
    try:
        kept = world.decider.reader.state(partition)
    except KeyError:
        return [*found, f"partition {partition} has no decider at rest"]
    if kept != fold.state:
        found.append(f"partition {partition}: the decider's state is not what the log folds to")
    return found
