"""A poison record on the real log, stores and Faust: counted, shown, skipped, replayed.

Only the defect is planted: rows of a marked event can't be built.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from deploy import settings
from deploy.cli import running_stack
from deploy.cli.dlq import _entries, _replay
from deploy.cli.errors import RequestRefused
from deploy.cli.rebuild import rebuild_clickhouse
from deploy.cli.skip import skip_telemetry
from deploy.cli.status import read_failing
from deploy.clock import now_ms
from deploy.failure_policy import ELSEWHERE, advice
from deploy.nouns import deciding, topics_of
from deploy.topics import ensure_topics
from projections.clickhouse.client import ClickHouse
from projections.clickhouse.system_tables import drop_databases
from projections.lag import LagReader
from projections.redis.client import connect
from projections.redis.failures import RedisFailures
from projections.redis.stores import RedisStores
from projections.telemetry.queries.client import ClickHouseQueries
from projections.telemetry.reader import TelemetryReader
from projections.telemetry.skipping import SkipRefused
from schemas.telemetry.noun import TELEMETRY
from schemas.telemetry.record import encode_record
from streams.runtime.application import create_application, last_heartbeat_age_ms
from streams.runtime.failures import Failures
from streams.runtime.partition_reads import KafkaTail
from streams.runtime.producer import KafkaAppender
from streams.runtime.reader import Role
from tests.migrated import migrated
from tests.projections.telemetry.support import START_MS, gameplay, s1, s4
from tests.projections.telemetry.test_skips import MARK, defective_rows
from tests.stack import infra
from tests.streams.runtime.running import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from deploy.settings import Settings

pytestmark = pytest.mark.stack
PARTITIONS = 1
PATIENCE_S = 90.0


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of this module's own: the topics of the deployment belong to it."""
    with infra(tmp_path_factory.mktemp("skip-kafka"), "kafka") as url:
        yield url


@contextlib.asynccontextmanager
async def life(configured: Settings) -> AsyncIterator[list[int]]:
    """The ClickHouse role in this process, from its start on; the codes with which it would have ended."""
    redis = connect(configured.redis_url)
    client = ClickHouse(configured.clickhouse_url, configured.clickhouse_database)
    tail, appender = KafkaTail(configured.kafka), KafkaAppender(configured.kafka)
    app = create_application("clickhouse", instance="0", bootstrap=configured.kafka, data_dir=configured.home)
    reader = TelemetryReader(
        client,
        topic=TELEMETRY.name,
        partitions=PARTITIONS,
        tail=tail,
        appender=appender,
        heartbeat_age_ms=lambda: last_heartbeat_age_ms(app),
    )
    exits: list[int] = []
    failures = Failures("clickhouse", RedisFailures(redis), elsewhere=ELSEWHERE, advice=advice)
    role = Role(app, [(TELEMETRY, reader)], tail=tail, failures=failures, exit_process=exits.append)
    stop = asyncio.Event()
    task = asyncio.ensure_future(role.run(stop))
    try:
        yield exits
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(task, return_exceptions=True)
        await tail.stop()
        await appender.stop()
        await client.close()
        await redis.aclose()


async def test_a_poison_request_from_its_first_failure_to_its_replay(
    broker: str, redis_url: str, clickhouse_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured = settings.from_environment(
        {},
        home=tmp_path,
        kafka=broker,
        redis_url=redis_url,
        clickhouse_url=clickhouse_url,
        clickhouse_database=f"test_{uuid4().hex[:12]}",
        partitions={"telemetry": PARTITIONS, "liveops": 1},
    )
    running_stack.write(configured)
    await ensure_topics(broker, topics_of(configured))
    client = await migrated(clickhouse_url, configured.clickhouse_database)
    await fill(broker)
    with monkeypatch.context() as defective:
        defective_rows(defective)
        with pytest.raises(SkipRefused, match="no projector is known to fail"):
            await skip_telemetry(configured, 0, 1, index=1, reason="", force=False)
        lives = 0
        while not await read_failing(tmp_path):
            lives += 1
            assert lives < 8  # a life may also end by what the group does on a busy machine
            async with life(configured) as exits:
                await until(lambda: exits, PATIENCE_S)
            assert exits[0] == 70
        assert lives >= 3
        (failing,) = await read_failing(tmp_path)
        assert failing.place == "telemetry[0], record 1, request 1"
        assert "questlog skip telemetry 0 1 --request 1" in advice(failing)
        assert await lag_state(configured) == ("failing", [(0, 1, 3)])
        await refusals(configured)
        for again in (False, True):
            decided = await skip_telemetry(configured, 0, 1, index=1, reason="rows raise", force=False)
            assert (decided.again, decided.letter_id) == (again, "telemetry-0-1-1")
            assert [entry.request_id for entry in decided.requests] == ["poison"]
        async with life(configured) as exits:
            await applied(client, 4)
            await until_past(tmp_path)
        assert exits == []
        assert (await lag_state(configured))[0] == "ready"
        assert await counts(client) == [["Player_Jump", 3], ["step", 3]]
        with pytest.raises(SkipRefused, match="in the tables already"):
            await skip_telemetry(configured, 0, 2, index=0, reason="", force=True)
        letter = (await _entries(configured))["telemetry-0-1-1"].letter
        assert (letter.reason, letter.error) == ("skipped", "rows raise")
        with pytest.raises(RequestRefused, match="this build can't take"):
            await _replay(configured, letter.id)
        verified, *_ = await rebuild_clickhouse(configured, lambda *_: None, verify=True)
        assert verified["different"] == []

    (line,) = await _replay(configured, letter.id)
    assert line.startswith("poison#r1: appended at 0@")
    async with life(configured) as exits:
        await applied(client, int(line.rpartition("@")[2]) + 1)
    assert exits == []
    assert await counts(client) == [["Player_Jump", 3], [MARK, 1], ["step", 3]]
    verified, *_ = await rebuild_clickhouse(configured, lambda *_: None, verify=True)
    assert verified["different"] == []
    await drop_databases(client)
    await client.close()


async def fill(broker: str) -> None:
    """Three records; the second request of the middle one is poison."""
    appender = KafkaAppender(broker)
    for number in range(3):
        requests = [
            s4(gameplay(START_MS + number), request_id="r0"),
            s1("b", {"name": "step", "t": START_MS, "seq": number}),
        ]
        if number == 1:
            requests.insert(1, s4(gameplay(START_MS, MARK, session="c"), request_id="poison"))
        await appender.append(TELEMETRY.name, 0, encode_record(requests))
    await appender.stop()


async def refusals(configured: Settings) -> None:
    """What is no record, or no request of it, can't be skipped."""
    for partition, offset, index, reason in (
        (0, 1, 5, "requests 0 to 2"),
        (0, 99, None, "holds 0 to"),
        (7, 0, 0, "no partition 7"),
    ):
        with pytest.raises(SkipRefused, match=reason):
            await skip_telemetry(configured, partition, offset, index=index, reason="", force=True)


async def applied(client: ClickHouse, offset: int) -> None:
    """Until the position is there."""
    async with asyncio.timeout(PATIENCE_S):
        while await position(client) < offset:  # noqa: ASYNC110 - another process's state
            await asyncio.sleep(0.05)


async def until_past(home: Path) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await read_failing(home):  # noqa: ASYNC110 - another process's state
            await asyncio.sleep(0.05)


async def position(client: ClickHouse) -> int:
    return int((await client.system.rows("SELECT max(next_offset) FROM reader_positions"))[0][0])


async def counts(client: ClickHouse) -> list[list[object]]:
    return await client.rows("SELECT event_name, count() FROM events GROUP BY 1 ORDER BY 1")


async def lag_state(configured: Settings) -> tuple[str, list[tuple[int, int, int]]]:
    """What /readyz and the dashboard are told of telemetry's tables."""
    redis = connect(configured.redis_url)
    tail = KafkaTail(configured.kafka)
    queries = ClickHouseQueries(configured.clickhouse_url, configured.clickhouse_database)
    try:
        lag = LagReader(
            tail=tail,
            stores=RedisStores(redis),
            queries=queries,
            nouns=deciding(configured),
            telemetry_partitions=PARTITIONS,
            failures=RedisFailures(redis),
            now_ms=now_ms,
        )
        (mine,) = [one for one in await lag.projections() if one.name == "clickhouse:telemetry"]
        return mine.state, [(one.partition, one.offset, one.failures) for one in mine.failing]
    finally:
        await queries.close()
        await tail.stop()
        await redis.aclose()
