"""Watches, and what interrupts them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest

from streams.fleet.host.agones import cluster as cluster_module
from streams.fleet.host.agones.cluster import Cluster, ClusterUnavailable, Refused
from streams.fleet.host.agones.servers import GameServers
from streams.fleet.host.agones.watch import FAILURES_MAX, Change, Changed, Deleted, Listed, follow
from tests.streams.fleet.host.agones.api_server import NAMESPACE, TOKEN, ApiServer
from tests.streams.fleet.host.agones.attempts import FETCHED, INSTANCE, launch

SELECTOR = "questlog/host=cluster-1"
NAME = f"{INSTANCE}-1"
Changes = AsyncGenerator[Change, None]


@pytest.fixture
def servers(cluster: Cluster) -> GameServers:
    return GameServers(cluster, host_id="cluster-1")


@pytest.fixture
async def changes(servers: GameServers) -> AsyncIterator[Changes]:
    async with aclosing(servers.follow()) as found:
        yield found


async def told(changes: Changes) -> tuple[type[Change], list[tuple[str, str]]]:
    """The next change, with the names and states of its servers."""
    async with asyncio.timeout(60):
        change = await anext(changes)
    found = change.servers if isinstance(change, Listed) else [change.server]
    return type(change), [(one.metadata.name, one.status.state if one.status else "") for one in found]


async def test_changes_follow_a_list(api: ApiServer, servers: GameServers, changes: Changes) -> None:
    await servers.create(launch(), FETCHED)
    assert await told(changes) == (Listed, [(NAME, "Creating")])
    await api.becomes(NAME, state="Ready")
    assert await told(changes) == (Changed, [(NAME, "Ready")])
    await servers.create(launch(attempt=2), FETCHED)
    assert await told(changes) == (Changed, [(f"{INSTANCE}-2", "Creating")])
    await api.gone(NAME)
    assert await told(changes) == (Deleted, [(NAME, "Ready")])
    assert api.asked["WATCH"] == 1


async def test_an_api_that_goes_away_in_mid_watch_costs_no_change(api: ApiServer) -> None:
    # It is away for as long as this machine takes: the tries that are given up after are spread over 25 s.
    cluster = Cluster(api.url, namespace=NAMESPACE, token=lambda: TOKEN, pause_s=0.05)
    servers = GameServers(cluster, host_id="cluster-1")
    await servers.create(launch(), FETCHED)
    async with aclosing(servers.follow()) as changes:
        await told(changes)
        await api.becomes(NAME, state="Scheduled")
        assert await told(changes) == (Changed, [(NAME, "Scheduled")])
        next_change = asyncio.create_task(told(changes))
        await api.close()
        await api.becomes(NAME, state="Ready")  # by another of its processes
        await api.open()
        assert await next_change == (Changed, [(NAME, "Ready")])
    await cluster.close()
    assert api.asked[f"GET /apis/agones.dev/v1/namespaces/{NAMESPACE}/gameservers"] == 1


async def test_half_a_line_is_read_again_as_a_whole(
    api: ApiServer, servers: GameServers, changes: Changes
) -> None:
    await servers.create(launch(), FETCHED)
    await told(changes)
    api.cut_lines = True
    await api.becomes(NAME, state="Ready")
    assert await told(changes) == (Changed, [(NAME, "Ready")])
    assert api.asked["WATCH"] == 2


async def test_a_line_that_comes_in_pieces_is_one(
    api: ApiServer, servers: GameServers, changes: Changes
) -> None:
    await servers.create(launch(), FETCHED)
    await told(changes)
    await api.becomes(NAME, state="Ready", padding="x" * 2_000_000)
    assert await told(changes) == (Changed, [(NAME, "Ready")])
    assert api.asked["WATCH"] == 1


async def test_lines_and_answers_have_a_limit(
    api: ApiServer, servers: GameServers, changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    await servers.create(launch(), FETCHED)
    await told(changes)
    await api.becomes(NAME, padding="x" * 2_000_000)
    monkeypatch.setattr(cluster_module, "LINE_BYTES_MAX", 100_000)
    with pytest.raises(ClusterUnavailable, match="a line of more than 100000 bytes"):
        await told(changes)
    monkeypatch.setattr(cluster_module, "ANSWER_BYTES_MAX", 100_000)
    with pytest.raises(ClusterUnavailable, match="an answer of more than 100000 bytes"):
        await servers.find()


async def test_where_history_is_forgotten_everything_is_listed_again(
    api: ApiServer, servers: GameServers, changes: Changes
) -> None:
    await servers.create(launch(), FETCHED)
    await servers.create(launch(attempt=2), FETCHED)
    await told(changes)
    next_change = asyncio.create_task(told(changes))
    await api.watched(1)
    del api.servers[NAME]  # its deletion is in what was forgotten
    await api.forget()
    assert await next_change == (Listed, [(f"{INSTANCE}-2", "Creating")])


async def test_a_watch_whose_time_is_over_goes_on_behind_its_bookmark(
    api: ApiServer, cluster: Cluster, servers: GameServers
) -> None:
    await servers.create(launch(), FETCHED)
    async with aclosing(follow(cluster, SELECTOR, watch_s=1)) as changes:
        await told(changes)
        next_change = asyncio.create_task(told(changes))
        await api.watched(1)
        api.version += 5  # other objects of the cluster
        await api.watched(2)
        await api.becomes(NAME, state="Ready")
        assert await next_change == (Changed, [(NAME, "Ready")])
    begun = [int(one["resourceVersion"]) for one in api.queries if "watch" in one]
    assert begun[1] == begun[0] + 5


async def test_a_watch_that_is_never_granted_is_given_up(api: ApiServer, changes: Changes) -> None:
    await told(changes)
    api.faults = [503] * 100
    with pytest.raises(ClusterUnavailable, match="503"):
        await told(changes)
    assert api.asked["WATCH"] == FAILURES_MAX


async def test_missing_rights_are_told_at_once(api: ApiServer, changes: Changes) -> None:
    await told(changes)
    api.faults = [403]
    with pytest.raises(Refused, match="403"):
        await told(changes)
    assert api.asked["WATCH"] == 1


async def test_an_agent_that_died_is_succeeded_by_one_that_finds_all(
    api: ApiServer, cluster: Cluster, servers: GameServers
) -> None:
    await servers.create(launch(), FETCHED)
    await api.becomes(NAME, state="Ready")
    async with aclosing(GameServers(cluster, host_id="cluster-1").follow()) as changes:
        assert await told(changes) == (Listed, [(NAME, "Ready")])
    async with aclosing(GameServers(cluster, host_id="cluster-2").follow()) as changes:
        assert await told(changes) == (Listed, [])
