"""The list of decisions to skip and the dead letters have lost their end: both are made whole again."""

from __future__ import annotations

import pytest

from deploy.repair.skips import LostSkips, lost_skips, restore_skips
from schemas.dead_letters import decode_dead_letter
from schemas.log import RecordFailed
from tests.projections.telemetry.projecting import apply, drop, fresh
from tests.projections.telemetry.support import MemoryLog
from tests.projections.telemetry.test_rebuild import run
from tests.projections.telemetry.test_skips import decide, decision, defective_rows, poison_log

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("index", [1, None])
async def test_a_decision_that_the_list_has_lost_is_listed_again_with_its_dead_letter(
    clickhouse_url: str, monkeypatch: pytest.MonkeyPatch, index: int | None
) -> None:
    client, log = await fresh(clickhouse_url), poison_log()
    defective_rows(monkeypatch)
    await decide(log, decision(log, index))
    await apply(client, log)
    assert await lost_skips(client, log) == LostSkips()
    letters, listed = list(log.dead), list(log.skips)
    log.dead.clear()
    log.skips.clear()
    with pytest.raises(RecordFailed):
        await run(client, clickhouse_url, log, verify=True)
    lost = await lost_skips(client, log)
    assert len(lost.lines()) == 2
    await restore_skips(lost, log)
    assert [record.value for record in log.skips] == [record.value for record in listed]
    assert list(map(decode_dead_letter, log.dead)) == list(map(decode_dead_letter, letters))
    assert (await run(client, clickhouse_url, log, verify=True)).different == []
    assert await lost_skips(client, log) == LostSkips()
    await drop(client)


async def test_a_decision_about_a_record_that_the_log_lost_is_left_alone(clickhouse_url: str) -> None:
    client, log = await fresh(clickhouse_url), poison_log()
    await decide(log, decision(log))
    await apply(client, log)
    assert await lost_skips(client, MemoryLog()) == LostSkips()
    await drop(client)
