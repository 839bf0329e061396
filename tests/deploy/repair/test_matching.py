"""Commands that lost their end behind their events: what is gone is found, and decided offsets are passed."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.repair.matching import LOOK_BACK, RECOVERED, Chain, chain_of, repair_chain
from schemas.studio.noun import STUDIO_COMMANDS, STUDIO_EVENTS
from streams.deciders.decider import source_of
from tests.streams.deciders.given import record_of
from tests.streams.deciders.memory_log import MemoryLog
from tests.streams.deciders.test_decider import COMMANDS, EVENTS, now, reader
from tests.streams.deciders.test_lost_records import decided, slugs

TOPICS = (STUDIO_COMMANDS, STUDIO_EVENTS)


async def chain(log: MemoryLog, known: tuple[int, int] = (0, -1)) -> Chain:
    return await chain_of(log, TOPICS, 0, known)


async def test_what_waits_to_be_decided_is_no_loss(tmp_path: Path) -> None:
    log = MemoryLog()
    assert not (await chain(log)).broken
    await decided(log, tmp_path, "a", "b")
    await log.append(COMMANDS, 0, record_of(now(log, "c", "c-c"), record_id="c"))
    found = await chain(log)
    assert (found.broken, found.undecided, found.decided) == (False, 1, 1)


@pytest.mark.parametrize("known", [(0, -1), (2, 1), (4, 3), (9, 8)])
async def test_lost_commands_are_passed_and_the_next_is_decided(
    tmp_path: Path, known: tuple[int, int]
) -> None:
    log = MemoryLog()
    await decided(log, tmp_path, "a", "b", "c", "d")
    lost = [source_of(record) for record in log.records(COMMANDS)[2:]]
    log.lose(COMMANDS, 2)
    found = await chain(log, known)
    assert (found.commands_end, found.decided) == (2, 3)
    assert found.missing == {2: lost[0], 3: lost[1]}
    assert "2 decided records are gone" in str(found)
    assert [line["lost"] for line in await repair_chain(found, log)] == [2, 3]
    assert [record.key for record in log.records(COMMANDS)[2:]] == [RECOVERED, RECOVERED]
    assert not (await chain(log, known)).broken
    heir = await decided(log, tmp_path, "e")
    assert slugs(heir) == {"a", "b", "c", "d", "e"}


async def test_records_at_decided_offsets_are_appended_again_and_decided(tmp_path: Path) -> None:
    log = MemoryLog()
    await decided(log, tmp_path, "a", "b", "c")
    log.lose(COMMANDS, 2)
    await log.append(COMMANDS, 0, record_of(now(log, "d", "c-d"), record_id="d"))
    found = await chain(log)
    assert [record.offset for record in found.replaced] == [1]
    assert list(found.missing) == [2]
    await repair_chain(found, log)
    mended = reader(log, tmp_path)
    fold = await mended.fold(0)
    assert fold.cursor.src == 2
    mended._folds[0] = fold
    await mended.handle(log.records(COMMANDS)[3])
    heir = reader(log, tmp_path)
    assert await heir.assigned(0) == 4
    assert slugs(heir) == {"a", "b", "c", "d"}


async def test_more_than_the_look_back_may_be_replaced(tmp_path: Path) -> None:
    log = MemoryLog()
    count = LOOK_BACK + 20
    await decided(log, tmp_path, *(f"n{number}" for number in range(count)))
    log.lose(COMMANDS, count - 3)
    for number in range(count):
        record = record_of(now(log, f"o{number}", f"c-o{number}"), record_id=f"o{number}")
        await log.append(COMMANDS, 0, record)
    found = await chain(log, (count, count - 1))
    assert len(found.replaced) == count - 3
    assert found.replaced[0].offset == 3


async def test_another_deciders_records_do_not_count(tmp_path: Path) -> None:
    log = MemoryLog()
    await decided(log, tmp_path, "a", "b")
    await log.append(EVENTS, 0, log.records(EVENTS)[0].value)
    assert (await chain(log)).decided == 1
    assert not (await chain(log)).broken


async def test_an_append_beside_the_repair_ends_it(tmp_path: Path) -> None:
    log = MemoryLog()
    await decided(log, tmp_path, "a", "b")
    log.lose(COMMANDS, 1)
    found = await chain(log)
    await log.append(COMMANDS, 0, record_of(now(log, "c", "c-c"), record_id="c"))
    with pytest.raises(RuntimeError, match="another process appends"):
        await repair_chain(found, log)
