"""The fleet in a real Redis: what is read is what a plain list of the latest rows says."""

from __future__ import annotations

import itertools
import random
import time
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from projections.fleet.projection import FLEET, STOPPED_KEPT_MS
from projections.fleet.queries.state import FleetQueries
from projections.redis.client import connect
from projections.redis.reader import RedisReader
from projections.redis.rebuild import rebuild
from schemas.envelope import Decided, Event
from schemas.fleet import events as ev
from schemas.fleet.host_views import Host, HostCapacity
from schemas.fleet.limits import HOUR_MS
from schemas.fleet.names import build_aggregate, host_aggregate, project_aggregate, server_aggregate
from schemas.fleet.ports import DueRow, Given, GivenRow, Page, ServerFilter
from schemas.fleet.states import PHASES, STATUSES, Status
from schemas.fleet.views import Build, BuildStatus, PoolConfig, Server, Settings
from tests.projections.redis.support import ListLog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from redis.asyncio import Redis

    from schemas.codec import Message

pytestmark = pytest.mark.stack
STUDIO, GAME = "studio_1", "game_1"
NOW_MS = time.time_ns() // 1_000_000
PROJECTION = replace(FLEET, topic=replace(FLEET.topic, partitions=1))
SERVER = Server(
    instance_id="s0",
    studio_id=STUDIO,
    game_id=GAME,
    name="lobby",
    phase="starting",
    region="eu-west",
    compute_size="small",
    version_tag="default",
    version=1,
    build_id="build_1",
    created_at_ms=NOW_MS,
    updated_at_ms=NOW_MS,
)
BUILD = Build(
    id="build_1",
    studio_id=STUDIO,
    game_id=GAME,
    name="default",
    version=1,
    status="uploading",
    build_type="zip",
    created_at_ms=NOW_MS,
    updated_at_ms=NOW_MS,
)
HOST = Host(
    id="host-1",
    epoch=1,
    status="up",
    capacity=HostCapacity(
        regions=["eu-west"],
        cpu_millis=2000,
        memory_mb=4096,
        first_port=31000,
        last_port=31999,
        address="127.0.0.1",
        isolation="container",
    ),
    joined_at_ms=NOW_MS,
    seen_at_ms=NOW_MS,
)
EVENT_OF = {
    "starting": ev.ServerStarted,
    "running": ev.ServerReady,
    "queued": ev.ServerQueued,
    "stopping": ev.ServerStopping,
    "stopped": ev.ServerStopped,
}


def aggregate(event: Message) -> str:
    match event:
        case ev.ServerEvent(server=server):
            return server_aggregate(server.studio_id, server.game_id, server.instance_id)
        case ev.BuildEvent(build=build):
            return build_aggregate(build.studio_id, build.game_id, build.id)
        case ev.HostEvent(host=host):
            return host_aggregate(host.id)
        case _:
            return project_aggregate(STUDIO, GAME)


class World:
    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.log = ListLog(PROJECTION.topic)
        self.reader = RedisReader(redis, PROJECTION, log=self.log)
        self.queries = FleetQueries(redis)
        self.count = itertools.count(1)

    async def told(self, *events: Message) -> None:
        number = next(self.count)
        decided = Decided(
            command_id=f"c{number}",
            studio_id=STUDIO,
            game_id=GAME,
            keyed=False,
            fingerprint=b"f",
            events=[
                Event(
                    type=event.WIRE,
                    aggregate_id=aggregate(event),
                    sequence=number,
                    at_ms=NOW_MS,
                    data=PROJECTION.events.encode(event),
                )
                for event in events
            ],
        )
        await self.reader.handle(self.log.append(decided))

    async def server(self, **fields: Any) -> Server:
        server = replace(SERVER, **fields)
        kind = EVENT_OF.get(server.phase, ev.ServerStarted)
        await self.told(kind(server=server))
        return server

    async def listed(self, **wanted: Any) -> Page[Server]:
        asked = {"statuses": ["running"], "limit": 50, "offset": 0, **wanted}
        return await self.queries.servers(ServerFilter(studio_id=STUDIO, game_id=GAME, **asked), NOW_MS)


@pytest.fixture
async def world(redis_url: str) -> AsyncIterator[World]:
    redis = connect(redis_url.rsplit("/", 1)[0] + "/12")
    await redis.flushdb()
    made = World(redis)
    await made.reader.assigned(0)
    yield made
    await redis.flushdb()
    await redis.aclose()


def brute_force(servers: Sequence[Server], wanted: ServerFilter) -> Page[Server]:
    def fits(server: Server) -> bool:
        unclaimed = server.is_pool_server and server.pool_claimed_at_ms is None
        return (
            (server.studio_id, server.game_id) == (wanted.studio_id, wanted.game_id)
            and STATUSES[server.phase] in wanted.statuses
            and (wanted.include_pool or not unclaimed)
            and wanted.region in (None, server.region)
            and wanted.match_id in (None, server.match_id)
            and not (server.stopped_at_ms is not None and server.stopped_at_ms + STOPPED_KEPT_MS <= NOW_MS)
        )

    found = sorted(filter(fits, servers), key=lambda one: (one.created_at_ms, one.instance_id), reverse=True)
    return Page(len(found), found[wanted.offset : wanted.offset + wanted.limit])


async def test_every_filter_and_page_is_what_a_plain_list_says(world: World) -> None:
    chance = random.Random(13)
    latest: dict[str, Server] = {}
    for step in range(400):
        instance_id = f"s{chance.randrange(60)}"
        known = latest.get(instance_id)
        if known is not None and known.phase == "stopped":
            continue
        phase = chance.choice(PHASES)
        pool = known.is_pool_server if known is not None else chance.random() < 0.4
        claimed = pool and (
            chance.random() < 0.5 or (known is not None and known.pool_claimed_at_ms is not None)
        )
        latest[instance_id] = await world.server(
            instance_id=instance_id,
            game_id=GAME if int(instance_id[1:]) % 5 else "game_2",
            phase=phase,
            region=("eu-west", "us-east")[int(instance_id[1:]) % 2],
            created_at_ms=NOW_MS + int(instance_id[1:]) // 2,
            updated_at_ms=NOW_MS + step,
            is_pool_server=pool,
            pool_claimed_at_ms=NOW_MS if claimed else None,
            match_id=chance.choice([None, "m1", "m2"]),
            stopped_at_ms=NOW_MS + step if phase in {"stopping", "stopped"} else None,
        )
    asked: list[list[Status]] = [["launching"], ["running"], ["stopped"], ["launching", "running"]]
    for statuses, include_pool, region, match_id in itertools.product(
        asked, (False, True), (None, "us-east"), (None, "m1")
    ):
        for limit, offset in ((100, 0), (3, 0), (3, 2), (2, 30)):
            wanted = ServerFilter(
                studio_id=STUDIO,
                game_id=GAME,
                statuses=statuses,
                include_pool=include_pool,
                region=region,  # type: ignore[arg-type] # one of the regions
                match_id=match_id,
                limit=limit,
                offset=offset,
            )
            expected = brute_force([*latest.values()], wanted)
            page = await world.queries.servers(wanted, NOW_MS)
            assert (page.total, list(page.rows)) == (expected.total, expected.rows), wanted
    for server in latest.values():
        assert await world.queries.server(server.instance_id, NOW_MS) == server


async def test_a_stopped_server_is_gone_after_seven_days(world: World) -> None:
    old, older = NOW_MS - STOPPED_KEPT_MS + HOUR_MS, NOW_MS - STOPPED_KEPT_MS - HOUR_MS
    await world.server(instance_id="long", phase="stopped", stopped_at_ms=older, created_at_ms=older)
    await world.server(
        instance_id="kept", phase="stopped", stopped_at_ms=old, created_at_ms=old, match_id="m"
    )
    page = await world.listed(statuses=["stopped"])
    assert (page.total, [server.instance_id for server in page.rows]) == (1, ["kept"])
    assert await world.queries.server("long", NOW_MS) is None
    assert await world.queries.server("kept", NOW_MS) is not None
    assert await world.queries.server("kept", NOW_MS + HOUR_MS) is None
    assert (await world.listed(statuses=["stopped"], match_id="m")).total == 1
    await world.server(instance_id="new", phase="stopped", stopped_at_ms=NOW_MS)
    prefix = "fleet:1:"
    assert await world.redis.zcard(f"{prefix}servers:{STUDIO}/{GAME}/stopped") == 2
    assert await world.redis.zcard(f"{prefix}stops:servers:{STUDIO}/{GAME}/stopped/eu-west") == 2


async def test_builds_by_name_and_status(world: World) -> None:
    statuses: list[BuildStatus] = ["uploading", "processing", "ready", "failed", "deleted"]
    builds = []
    for number, status in enumerate(statuses * 2):
        name = "default" if number < 5 else "beta"
        build = replace(BUILD, id=f"build_{number}", name=name, version=number, created_at_ms=NOW_MS + number)
        await world.told(ev.BuildCreated(build=build))
        build = replace(build, status=status)
        await world.told(ev.BuildProcessing(build=build), ev.BuildReady(build=build))
        builds.append(build)

    async def listed(
        name: str | None, status: BuildStatus | None, limit: int = 50, offset: int = 0
    ) -> Page[Build]:
        return await world.queries.builds(STUDIO, GAME, name=name, status=status, limit=limit, offset=offset)

    def expected(name: str | None, status: BuildStatus | None) -> list[Build]:
        return [
            build
            for build in reversed(builds)
            if name in (None, build.name)
            and (build.status == status if status else build.status != "deleted")
        ]

    for of, wanted in itertools.product((None, "default", "beta", "none"), (None, *statuses)):
        page = await listed(of, wanted)
        assert (page.total, list(page.rows)) == (len(expected(of, wanted)), expected(of, wanted))
    page = await listed(None, None, limit=3, offset=4)
    assert (page.total, list(page.rows)) == (8, expected(None, None)[4:7])
    assert await world.queries.build("build_4") == builds[4]
    assert await world.queries.build("build_99") is None


async def test_what_waits_for_time_is_asked_for_until_its_event_says_otherwise(world: World) -> None:
    await world.server(phase="backoff", due_at_ms=NOW_MS - 3)
    await world.told(ev.HostSeen(host=replace(HOST, due_at_ms=NOW_MS - 2)))
    await world.told(ev.BuildProcessing(build=replace(BUILD, status="processing", due_at_ms=NOW_MS - 1)))
    await world.told(ev.HostSeen(host=replace(HOST, id="host-2", due_at_ms=NOW_MS + 1)))
    assert await world.queries.dues(NOW_MS, 10) == [
        DueRow("server", STUDIO, GAME, "s0", NOW_MS - 3),
        DueRow("host", "", "", "host-1", NOW_MS - 2),
        DueRow("build", STUDIO, GAME, "build_1", NOW_MS - 1),
    ]
    await world.server(phase="running")
    heard = replace(BUILD, status="processing", due_at_ms=NOW_MS + 1)
    await world.told(ev.HostSeen(host=HOST, processing=[heard]))
    assert await world.queries.dues(NOW_MS, 10) == []
    assert await world.queries.build("build_1") == heard
    assert [row.kind for row in await world.queries.dues(NOW_MS + 1, 10)] == ["build", "host"]
    await world.told(ev.BuildFailed(build=replace(BUILD, status="failed")))
    assert [row.kind for row in await world.queries.dues(NOW_MS + 1, 10)] == ["host"]
    paused = ev.PoolPaused(
        studio_id=STUDIO, game_id=GAME, region="sea", compute_size="small", until_ms=NOW_MS
    )
    await world.told(paused)
    assert await world.queries.dues(NOW_MS, 10) == [DueRow("pool", STUDIO, GAME, "sea/small", NOW_MS)]
    await world.told(replace(paused, until_ms=None))
    assert await world.queries.dues(NOW_MS, 10) == []
    assert [host.id for host in await world.queries.hosts()] == ["host-1", "host-2"]


async def test_settings_are_the_defaults_until_they_are_set(world: World) -> None:
    assert await world.queries.settings(STUDIO, GAME) == Settings()
    changed = Settings(pool=PoolConfig(enabled=True, regions={"eu-west": {"small": 2}}), stop_grace_s=3)
    await world.told(ev.SettingsChanged(studio_id=STUDIO, game_id=GAME, settings=changed))
    assert await world.queries.settings(STUDIO, GAME) == changed
    assert await world.queries.settings(STUDIO, "game_2") == Settings()


async def test_what_a_lobby_was_given_is_its_server_as_it_is_now(world: World) -> None:
    of: dict[str, Any] = {"studio_id": STUDIO, "game_id": GAME, "ends_at_ms": NOW_MS + 1000}
    assert await world.queries.given("lob_1", NOW_MS) is None
    await world.server(phase="starting", match_id="lob_1")
    await world.told(ev.LobbyServerGiven(lobby_id="lob_1", instance_id="s0", **of))
    await world.told(ev.LobbyServerRefused(lobby_id="lob_2", code="not_found", message="no", **of))
    starting = await world.queries.given("lob_1", NOW_MS)
    assert starting == Given(GivenRow("s0", ""), replace(SERVER, phase="starting", match_id="lob_1"))
    running = await world.server(phase="running", match_id="lob_1")
    assert await world.queries.given("lob_1", NOW_MS) == Given(GivenRow("s0", ""), running)
    assert await world.queries.given("lob_2", NOW_MS) == Given(GivenRow("", "not_found"), None)
    await world.told(ev.LobbyServerEnded(lobby_id="lob_1", **of))
    assert await world.queries.given("lob_1", NOW_MS) is not None
    of["ends_at_ms"] = NOW_MS - 2 * HOUR_MS  # read from a log, long after
    await world.told(ev.LobbyServerGiven(lobby_id="lob_3", instance_id="s0", **of))
    assert await world.queries.given("lob_3", NOW_MS) is None


async def test_a_rebuild_is_equal(world: World) -> None:
    await world.server(phase="running", match_id="m")
    await world.server(instance_id="s1", phase="stopped", stopped_at_ms=NOW_MS - 5, match_id="m")
    await world.told(ev.HostJoined(host=HOST), ev.BuildCreated(build=BUILD))
    of: dict[str, Any] = {"studio_id": STUDIO, "game_id": GAME, "ends_at_ms": NOW_MS + HOUR_MS}
    await world.told(ev.LobbyServerGiven(lobby_id="lob_1", instance_id="s0", **of))
    await world.told(ev.LobbyServerEnded(lobby_id="lob_1", **of))
    found = await rebuild(
        world.redis,
        PROJECTION,
        log=world.log,
        generation="check",
        progress=lambda _done, _total: None,
        verify=True,
    )
    assert found.different == []
