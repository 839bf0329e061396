"""The whole write path against three brokers that ask for TLS and a login; one of them is killed."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import httpx
import pytest
from aiohttp import web
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from deploy import settings
from deploy.brokers import brokers_of
from deploy.prepare import prepare
from deploy.settings import Settings
from deploy.stack.ports import free_port
from deploy.stack.program import RunningProgram
from deploy.stack.programs import Ports, processes
from deploy.studio_administration import open_administration, wait_until_ready
from deploy.topics import KafkaAway, Safety, TopicMismatchError, ensure_topics
from projections.clickhouse.client import ClickHouse
from schemas.edge.ports import KeyKind
from schemas.log import LogUnavailable
from schemas.studio.definitions import load_definitions
from schemas.telemetry.noun import TELEMETRY
from schemas.topics import Topic
from streams.runtime.partition_reads import KafkaTail
from streams.runtime.producer import KafkaAppender
from tests import plain_http
from tests.secured_brokers import BROKERS_PASSWORD, PASSWORD, USER, Cluster, new_key, secured_brokers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

pytestmark = pytest.mark.stack
RECOVERY_SECONDS: Final = 10.0
"""No write is refused for longer while a broker is away. Brokers notice a death after 6 s."""
SCOPE: Final = "kafka"
STUDIO: Final = """
studio: {name: Secured, slug: secured}
games:
  - {name: Locks, slug: locks}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with secured_brokers(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(autouse=True)
async def connections_end(cluster: Cluster) -> AsyncIterator[None]:
    """No test's event loop is closed while it has connections to a broker."""
    yield
    await cluster.disconnected()


@pytest.fixture
def secured(cluster: Cluster, tmp_path: Path) -> Settings:
    password = tmp_path / "password"
    password.write_text(PASSWORD + "\n")
    settings.make_secret(tmp_path)
    return settings.from_environment(
        {
            "QUESTLOG_KAFKA": cluster.servers,
            "QUESTLOG_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "QUESTLOG_KAFKA_CA_FILE": str(cluster.ca),
            "QUESTLOG_KAFKA_USERNAME": USER,
            "QUESTLOG_KAFKA_PASSWORD_FILE": str(password),
            "QUESTLOG_REPLICATION": "3",
        },
        home=tmp_path,
    )


async def refused(configured: Settings) -> str:
    """What each kind of client says; all say the same of each server."""
    said = []
    brokers = brokers_of(configured)
    with pytest.raises(KafkaAway) as away:
        await ensure_topics(brokers, [])
    said.append(str(away.value).removeprefix("no Kafka: "))
    for ask in (KafkaTail(brokers).start, KafkaAppender(brokers).start):
        with pytest.raises(LogUnavailable) as unavailable:
            await ask()
        said.append(str(unavailable.value).removeprefix("refused: ").removeprefix("no Kafka: "))
    assert said[0] == said[1] == said[2]
    assert PASSWORD not in said[0]
    return said[0]


async def test_who_may_not_come_in_is_told_why(secured: Settings, cluster: Cluster, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("another-password")
    said = await refused(dataclasses.replace(secured, kafka_password_file=str(wrong)))
    server = cluster.servers.split(",")[0]
    assert f"{server} refuses the login of {USER}: " in said
    assert "invalid credentials" in said
    assert "another-password" not in said
    other = str(cluster.folder / "other.pem")
    said = await refused(dataclasses.replace(secured, kafka_ca_file=other))
    assert f"{server} has a certificate that is not trusted: " in said
    said = await refused(dataclasses.replace(secured, kafka_sasl_mechanism="PLAIN"))
    assert f"{server} does not take this way of logging in: " in said
    said = await refused(dataclasses.replace(secured, kafka_security_protocol="PLAINTEXT"))
    assert "(does it want TLS?)" in said


async def test_fewer_replicas_than_asked_for_stop_the_start(secured: Settings) -> None:
    brokers = brokers_of(secured)
    topic = Topic(name="lonely", partitions=1, description="")
    await ensure_topics(brokers, [topic], Safety(1, 1))
    with pytest.raises(TopicMismatchError) as mismatch:
        await ensure_topics(brokers, [topic], Safety(3, 2))
    said = str(mismatch.value)
    assert "lonely: has 1 replica(s) of a partition, needs 3; add replicas" in said
    assert "min.insync.replicas is 1, needs 2 (QUESTLOG_INSYNC_REPLICAS" in said
    assert await ensure_topics(brokers, [Topic(name="safe", partitions=1, description="")], Safety(3, 2))
    with pytest.raises(TopicMismatchError, match="insync"):
        await ensure_topics(brokers, [Topic(name="safe", partitions=1, description="")], Safety(2, 1))


@asynccontextmanager
async def token_endpoint(cluster: Cluster, signed_by: RSAPrivateKey) -> AsyncIterator[str]:
    async def give(request: web.Request) -> web.Response:
        form = await request.post()
        assert (form["grant_type"], form["scope"]) == ("client_credentials", SCOPE)
        return web.json_response(
            {"access_token": cluster.token(USER, signed_by=signed_by), "expires_in": 600}
        )

    app = web.Application()
    app.router.add_post("/token", give)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}/token"
    finally:
        await runner.cleanup()


async def test_tokens_log_in_from_a_file_and_from_an_endpoint(
    secured: Settings, cluster: Cluster, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text(cluster.token(USER))
    by_file = dataclasses.replace(secured, kafka_sasl_mechanism="OAUTHBEARER", kafka_token_file=str(token))
    topic = Topic(name="by-token", partitions=1, description="")
    assert await ensure_topics(brokers_of(by_file), [topic], Safety(3, 2)) == ["by-token"]
    async with (
        token_endpoint(cluster, cluster.issuer_key) as url,
        token_endpoint(cluster, new_key()) as wrong,
    ):
        by_endpoint = dataclasses.replace(
            by_file, kafka_token_file="", kafka_token_url=url, kafka_token_scope=SCOPE
        )
        brokers = brokers_of(by_endpoint)
        appender, tail = KafkaAppender(brokers), KafkaTail(brokers)
        assert (await appender.append("by-token", 0, b"hello")).offset == 0
        assert [record.value async for record in tail.read("by-token", 0, 0)] == [b"hello"]
        await tail.stop()
        await appender.stop()
        said = await refused(dataclasses.replace(by_endpoint, kafka_token_url=wrong))
        assert "refuses the login of the token's bearer: " in said
        assert "invalid_token" in said


async def test_a_reader_reads_from_the_replica_of_its_rack(secured: Settings) -> None:
    brokers = brokers_of(secured)
    topic = Topic(name="near", partitions=3, description="")
    await ensure_topics(brokers, [topic], Safety(3, 2))
    appender = KafkaAppender(brokers)
    for partition in range(3):
        await appender.append("near", partition, b"value")
    await appender.stop()
    where = [TopicPartition("near", partition) for partition in range(3)]
    near = dataclasses.replace(brokers, rack="zone-2")
    consumer = AIOKafkaConsumer(**near.reader(), enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign(where)
        found = 0
        async with asyncio.timeout(60):
            while found < 3:
                found += sum(map(len, (await consumer.getmany(timeout_ms=500)).values()))
        chosen = {node for node, _ in consumer._fetcher._preferred_read_replica.values()}
        assert chosen == {2}  # of the two partitions at least that another broker leads
    finally:
        await consumer.stop()
    tail = KafkaTail(near)
    assert [record.value async for record in tail.read("near", 0, 0)] == [b"value"]
    await tail.stop()


@asynccontextmanager
async def parts(configured: Settings) -> AsyncIterator[None]:
    """The processes of one studio's writes, as `questlog up` starts them."""
    ports = Ports(http=configured.port, kafka=1, redis=1, clickhouse=1)
    names = {"worker-decider", "worker-redis", "worker-clickhouse", "edge"}
    specs = [spec for spec in processes(configured, ports, edges=1, hosts=False) if spec.name in names]
    running: list[RunningProgram] = []
    try:
        for spec in specs:
            running.append(await RunningProgram.start(spec, configured.home / "logs"))  # noqa: PERF401 - stopped
        await asyncio.gather(*(program.wait_ready() for program in running))
        yield
    finally:
        for program in reversed(running):
            await program.stop()


async def sent(client: httpx.AsyncClient, game_id: str, name: str, key: str) -> float:
    """Seconds until an event is accepted; each refusal is a 503 that asks for another try.

    What a 503 answered may be in the log, so the event has an identity of its own: S1's `seq` in its session.
    """
    event = {"name": name, "t": round(time.time() * 1000), "seq": 1}
    body = {
        "gameId": game_id,
        "sessionId": f"session_{name}",
        "deviceId": "device_1",
        "source": "unity-telemetry",
        "events": [event],
    }
    began = time.monotonic()
    async with asyncio.timeout(60):
        while True:
            answer = await client.post(
                "/api/telemetry", json=body, headers={"authorization": f"Bearer {key}"}
            )
            if answer.status_code == 202:
                return time.monotonic() - began
            assert answer.status_code == 503, answer.text
            await asyncio.sleep(0.2)


async def test_a_studio_writes_while_a_broker_dies(
    secured: Settings, cluster: Cluster, redis_url: str, clickhouse_url: str
) -> None:
    configured = dataclasses.replace(
        secured,
        redis_url=redis_url.removesuffix("/0") + "/9",
        clickhouse_url=clickhouse_url,
        clickhouse_database="secured",
        port=(port := free_port()),
        base_url=f"http://localhost:{port}",
        kafka_rack="zone-3",
    )
    made = await prepare(configured)
    assert "created topic telemetry" in made
    assert await prepare(configured) == []
    brokers = brokers_of(configured)
    async with parts(configured), open_administration(configured) as administration:
        await wait_until_ready(administration.queries, 60)
        await administration.define(load_definitions(STUDIO))
        studio = await administration.queries.studio_by_slug("secured")
        assert studio is not None
        (game,) = await administration.queries.games(studio.id)
        key = await administration.create_key(KeyKind.INGEST, studio_id=studio.id)
        admin = AIOKafkaAdminClient(**brokers.client())
        await admin.start()
        (topic,) = await admin.describe_topics([TELEMETRY.name])
        await admin.close()
        async with plain_http.async_client(base_url=configured.base_url, timeout=30) as client:
            for number in range(5):
                await sent(client, game.id, f"before_{number}", key.value)
            cluster.kill(topic["partitions"][0]["leader"])
            waited = [await sent(client, game.id, f"after_{number}", key.value) for number in range(5)]
            assert max(waited) < RECOVERY_SECONDS
            await administration.define(load_definitions(STUDIO.replace("Secured", "Secured again")))
        clickhouse = ClickHouse(clickhouse_url, "secured")
        try:
            wanted = {f"{when}_{number}" for when in ("before", "after") for number in range(5)}
            async with asyncio.timeout(60):
                rows: list[str] = []
                while len(set(rows)) < len(wanted):
                    await asyncio.sleep(0.2)
                    rows = [row[0] for row in await clickhouse.rows("SELECT event_name FROM events")]
            assert sorted(rows) == sorted(wanted)
        finally:
            await clickhouse.close()
    for log in (configured.home / "logs").iterdir():
        text = log.read_text()
        assert PASSWORD not in text
        assert BROKERS_PASSWORD not in text
