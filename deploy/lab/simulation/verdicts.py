"""What must be true of every noun at rest: one counted events record for each command record, equal folds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.deciders.fold import Fold

if TYPE_CHECKING:
    from deploy.lab.simulation.processes import Process
    from deploy.lab.simulation.stage import Stage


def problems_of_log(stage: Stage, decider: Process) -> list[str]:
    """Every promise of log, decider and store that does not hold, a line each."""
    found: list[str] = []
    for partition in range(stage.partitions):
        found += _of_partition(stage, decider, partition)
    rebuilt, live = stage.rebuilt().values, stage.redis.live.values
    if rebuilt != live:
        different = sorted(key for key in {*rebuilt, *live} if rebuilt.get(key) != live.get(key))
        found.append(f"a rebuild differs from the live store in {different[:5]}")
    return found


def _of_partition(stage: Stage, decider: Process, partition: int) -> list[str]:
    """Exactly one counted events record for each command record, and one fold for all readers."""
    asked = len(stage.log.records(stage.commands.name, partition))
    fold = Fold(stage.noun.decider)
    for record in stage.log.records(stage.events.name, partition):
        fold.accept(record)
    found = []
    if fold.cursor.src != asked - 1:
        found.append(f"partition {partition}: {asked} command records, decided up to {fold.cursor.src}")
    counted = sum(1 for _ in stage.accepted(partition))
    if counted != asked:
        found.append(f"partition {partition}: {counted} events records count for {asked} command records")
    try:
        kept = decider.reader.state(partition)
    except KeyError:
        return [*found, f"partition {partition} has no decider at rest"]
    if kept != fold.state:
        found.append(f"partition {partition}: the decider's state is not what the log folds to")
    return found
