"""Tables stand at a record of the log, and say so when the log has another one there."""

from __future__ import annotations

import pytest

from schemas.log_positions import PositionRefused
from tests.projections.liveops.test_tables import decided, opened

pytestmark = pytest.mark.stack


async def test_a_position_that_the_log_lost_is_refused_and_an_old_one_is_marked(clickhouse_url: str) -> None:
    async with opened(clickhouse_url) as world:
        reader, _ = await world.reader()
        for _ in range(2):
            await reader.handle(world.log.append(decided()))
        await world.batch(reader)
        held = await world.positions.all()
        assert held[0].position.mark
        await world.client.system.command(
            "ALTER TABLE reader_positions UPDATE mark = '' WHERE 1 SETTINGS mutations_sync = 2"
        )
        assert (await world.reader())[1] == 2
        assert await world.positions.all() == held
        world.log.records[0].pop()
        with pytest.raises(PositionRefused, match=r"the log ends at 1.*questlog repair"):
            await world.reader()
        for _ in range(2):
            world.log.append(decided())
        with pytest.raises(PositionRefused, match=r"another one.*questlog repair"):
            await world.reader()


async def test_a_log_whose_beginning_is_gone_is_refused_and_nothing_is_passed_over(
    clickhouse_url: str,
) -> None:
    async with opened(clickhouse_url) as world:
        for _ in range(502):
            world.log.append(decided())
        world.log.first_offset = 500
        with pytest.raises(PositionRefused, match=r"liveops.*begins at 500.*Repair: restore"):
            await world.reader()
        assert await world.positions.all() == {}
