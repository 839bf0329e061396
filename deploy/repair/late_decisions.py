"""Decides commands whose events are gone, before the stores are built again, so that answers can be compared.

The time of a partition's log follows from its command records alone, so what was answered before the loss is
answered alike, however late that is, and repeats are known as they were then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.dead_letters import append_dead_letter
from streams.deciders.decide import decide_record
from streams.deciders.decider import append_decision

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from schemas.envelope import Decided
    from schemas.log import Appender, LogTail
    from schemas.topics import Topic
    from streams.deciders.decider import DeciderReader
    from streams.deciders.noun import Noun


async def decide_partition(
    noun: Noun[Any],
    reader: DeciderReader[Any],
    topics: tuple[Topic, Topic],
    partition: int,
    *,
    log: tuple[LogTail, Appender],
    decided: Callable[[str, Decided], Awaitable[None]],
) -> int:
    """Append an events record for each command record that has none; how many. `decided` is called for each.

    No decider may run. Broken off anywhere, it goes on there when called again. Raises AnotherWriter.
    """
    commands, events = topics
    tail, appender = log
    end = await tail.end_offset(commands.name, partition)
    if end == 0:
        return 0
    fold = await reader.fold(partition)
    count = 0
    async for record in tail.read(commands.name, partition, fold.cursor.src + 1, end):
        decision = decide_record(noun, fold, record)
        for letter in decision.dead_letters:
            await append_dead_letter(appender, letter)
        await append_decision(decision, fold, appender, events.name, partition)
        for one in decision.record.decided:
            await decided(noun.name, one)
        count += 1
    return count
