"""Conversations with the API, from an attempt's creation to its end."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest
import yaml

import deploy
from streams.fleet.host.agones import watch
from streams.fleet.host.agones.cluster import TRIES, Cluster, ClusterUnavailable, Refused
from streams.fleet.host.agones.objects import GameServer
from streams.fleet.host.agones.servers import GameServers
from streams.fleet.host.agones.states import seen
from streams.fleet.host.driver import CannotStart
from tests.streams.fleet.host.agones.api_server import NAMESPACE, TOKEN, ApiServer
from tests.streams.fleet.host.agones.attempts import FETCHED, HIDDEN, INSTANCE, launch

MANIFEST = Path(deploy.__file__).parent / "kubernetes" / "agones.yaml"
NAME = f"{INSTANCE}-1"


@pytest.fixture
def servers(cluster: Cluster) -> GameServers:
    return GameServers(cluster, host_id="cluster-1")


async def test_an_attempt_from_its_creation_to_its_end(api: ApiServer, servers: GameServers) -> None:
    made = await servers.create(launch(), FETCHED)
    assert made.new
    assert seen(made.server, None, was_ready=False).stage == "starting"
    owners = api.secrets[NAME]["metadata"]["ownerReferences"]
    assert [owner["uid"] for owner in owners] == [made.server.metadata.uid]
    await api.becomes(NAME, state="Scheduled", address="203.0.113.7", ports=[{"name": "game", "port": 31001}])
    (found,) = await servers.find()
    assert seen(found, None, was_ready=False).address == "203.0.113.7"
    await api.becomes(NAME, state="Ready")
    (found,) = await servers.find()
    assert seen(found, None, was_ready=False).stage == "ready"
    assert await servers.stop(found)
    (found,) = await servers.find()
    assert seen(found, None, was_ready=True).stage == "ending"
    await api.gone(NAME)
    assert (await servers.find(), api.secrets) == ([], {})
    assert not await servers.stop(found)


async def test_an_attempt_is_made_once_whoever_asks(
    api: ApiServer, servers: GameServers, cluster: Cluster
) -> None:
    first = await servers.create(launch(), FETCHED)
    again = await GameServers(cluster, host_id="cluster-1").create(launch(), FETCHED)
    assert (first.new, again.new) == (True, False)
    assert first.server.metadata.uid == again.server.metadata.uid
    assert len(api.servers) == len(api.secrets) == 1
    assert (await servers.create(launch(attempt=2), FETCHED)).new


async def test_a_creation_whose_answer_was_lost_is_the_same_one(api: ApiServer, servers: GameServers) -> None:
    api.faults = ["drop-after"]
    made = await servers.create(launch(), FETCHED)
    assert not made.new
    assert len(api.servers) == len(api.secrets) == 1


async def test_what_a_dead_agent_began_is_completed(api: ApiServer, servers: GameServers) -> None:
    made = await servers.create(launch(), FETCHED)
    api.secrets.clear()  # it died between the two
    await servers.create(launch(), FETCHED)
    assert api.secrets[NAME]["metadata"]["ownerReferences"][0]["uid"] == made.server.metadata.uid


async def test_an_ending_attempt_gets_no_new_secret(api: ApiServer, servers: GameServers) -> None:
    made = await servers.create(launch(), FETCHED)
    await servers.stop(made.server)
    api.secrets.clear()
    assert not (await servers.create(launch(), FETCHED)).new
    assert api.secrets == {}


async def test_another_host_s_server_of_that_name_is_left_alone(api: ApiServer, cluster: Cluster) -> None:
    await GameServers(cluster, host_id="cluster-1").create(launch(), FETCHED)
    other = GameServers(cluster, host_id="cluster-2")
    with pytest.raises(CannotStart, match="not this host's"):
        await other.create(launch(), FETCHED)
    assert await other.find() == []
    assert api.servers[NAME]["metadata"]["labels"]["questlog/host"] == "cluster-1"


async def test_an_object_of_the_same_name_but_another_is_not_deleted(
    api: ApiServer, servers: GameServers
) -> None:
    old = (await servers.create(launch(), FETCHED)).server
    await api.gone(NAME)
    await servers.create(launch(), FETCHED)
    assert not await servers.stop(old)
    assert "deletionTimestamp" not in api.servers[NAME]["metadata"]


async def test_a_kill_ends_the_pod_without_grace(api: ApiServer, servers: GameServers) -> None:
    made = await servers.create(launch(), FETCHED)
    api.pods[NAME] = {"metadata": {"name": NAME, "uid": "pod-1"}}
    await servers.kill(made.server)
    assert api.pods == {}
    assert "deletionTimestamp" in api.servers[NAME]["metadata"]
    await servers.kill(made.server)
    await api.gone(NAME)
    await servers.kill(made.server)


async def test_the_end_is_read_from_the_pod(api: ApiServer, servers: GameServers) -> None:
    made = await servers.create(launch(), FETCHED)
    assert await servers.pod(made.server) is None
    ended = {"name": "game", "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
    api.pods[NAME] = {"metadata": {"name": NAME}, "status": {"containerStatuses": [ended]}}
    found = seen(made.server, await servers.pod(made.server), was_ready=False)
    assert (found.stage, found.exit_code, found.reason) == ("failed", 137, "OOM_KILLED")


async def printed(servers: GameServers, server: GameServer, since: str | None = None) -> list[bytes]:
    async with asyncio.timeout(60), aclosing(servers.printed(server, since=since)) as lines:
        return [line async for line in lines]


async def test_what_it_prints_comes_until_it_ends_and_from_a_time_on(
    api: ApiServer, servers: GameServers
) -> None:
    server = (await servers.create(launch(), FETCHED)).server
    assert await printed(servers, server) == []
    api.pods[NAME] = {"metadata": {"name": NAME}}
    assert await printed(servers, server) == []
    await api.prints(NAME, b"2026-01-01T00:00:00.000000001Z hello\n")
    async with asyncio.timeout(60), aclosing(servers.printed(server)) as lines:
        assert await anext(lines) == b"2026-01-01T00:00:00.000000001Z hello"
        await api.prints(NAME, b"2026-01-01T00:00:01.000000000Z unfinished", ends=True)
        assert await anext(lines) == b"2026-01-01T00:00:01.000000000Z unfinished"
        assert [line async for line in lines] == []
    assert await printed(servers, server, "2026-01-01T00:00:01.000000000Z") == [
        b"2026-01-01T00:00:01.000000000Z unfinished"
    ]
    asked = api.queries[-1]
    assert (asked["container"], asked["timestamps"]) == ("game", "true")


async def test_the_role_allows_what_is_asked_and_nothing_else(api: ApiServer, servers: GameServers) -> None:
    server = (await servers.create(launch(), FETCHED)).server
    await servers.create(launch(), FETCHED)
    async with aclosing(servers.follow()) as changes:
        await anext(changes)
        await api.becomes(NAME, state="Ready")
        await anext(changes)
    api.pods[NAME] = {"metadata": {"name": NAME, "uid": "pod-1"}}
    assert await printed(servers, server) == []
    assert await servers.show(server, "{}")
    await servers.kill(server)
    (role,) = (one for one in yaml.safe_load_all(MANIFEST.read_text()) if one["kind"] == "Role")
    allowed = {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert role["metadata"]["namespace"] == NAMESPACE
    assert {right(line) for line in api.asked} == allowed


def right(line: str) -> tuple[str, str, str]:
    """What a request needs, as Kubernetes authorises it."""
    if line == "WATCH":
        return "agones.dev", "gameservers", "watch"
    method, _, path = line.partition(" ")
    place, _, rest = path.partition(f"/namespaces/{NAMESPACE}/")
    resource, *name = rest.split("/")
    verb = {"POST": "create", "PATCH": "patch", "DELETE": "delete", "GET": "get" if name else "list"}[method]
    group = "agones.dev" if place == "/apis/agones.dev/v1" else ""
    return group, "/".join([resource, *name[1:]]), verb


async def test_all_pages_are_read(
    api: ApiServer, servers: GameServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "PAGE", 2)
    for number in range(1, 6):
        await servers.create(launch(attempt=number), FETCHED)
    found = await servers.find()
    assert [one.metadata.name for one in found] == [f"{INSTANCE}-{number}" for number in range(1, 6)]
    assert api.asked[f"GET /apis/agones.dev/v1/namespaces/{NAMESPACE}/gameservers"] == 3
    monkeypatch.setattr(watch, "PAGES_MAX", 2)
    with pytest.raises(ClusterUnavailable, match="more than 4 game servers"):
        await servers.find()


async def test_a_list_that_is_forgotten_while_it_is_read_begins_again(
    api: ApiServer, servers: GameServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "PAGE", 1)
    for number in (1, 2):
        await servers.create(launch(attempt=number), FETCHED)
    listing = api._list
    once = [True]

    def forgets(request: object) -> object:
        answer = listing(request)  # type: ignore[arg-type] # the server's own
        if once:
            once.clear()
            api.oldest = api.version
            api.version += 1
        return answer

    monkeypatch.setattr(api, "_list", forgets)
    assert len(await servers.find()) == 2
    assert api.asked[f"GET /apis/agones.dev/v1/namespaces/{NAMESPACE}/gameservers"] == 4


@pytest.mark.parametrize("fault", [429, 500, 503, "drop"])
async def test_what_passes_is_asked_again_and_what_stays_is_told(
    api: ApiServer, servers: GameServers, fault: int | str
) -> None:
    api.faults = [fault] * (TRIES - 1)
    assert await servers.find() == []
    api.faults = [fault] * 100
    with pytest.raises(ClusterUnavailable, match=f"no answer in {TRIES} tries"):
        await servers.find()
    # Where a connection breaks that aiohttp had kept, it asks once more by itself.
    assert TRIES <= 100 - len(api.faults) <= (2 * TRIES if fault == "drop" else TRIES)


async def test_a_refusal_is_told_at_once_and_names_its_reason(api: ApiServer, servers: GameServers) -> None:
    api.faults = [403]
    with pytest.raises(Refused, match="403 Fault: a fault with 403"):
        await servers.create(launch(), FETCHED)
    assert api.servers == {}


async def test_a_manifest_that_the_cluster_does_not_take_cannot_start(
    api: ApiServer, servers: GameServers
) -> None:
    api.faults = [422]
    with pytest.raises(CannotStart, match="422"):
        await servers.create(launch(), FETCHED)


async def test_an_api_that_does_not_answer_is_given_up(api: ApiServer) -> None:
    silent = Cluster(api.url, namespace=NAMESPACE, token=lambda: TOKEN, answer_s=0.05, pause_s=0.01)
    async with api._news:  # it can't answer while this is held
        with pytest.raises(ClusterUnavailable, match="TimeoutError"):
            await GameServers(silent, host_id="cluster-1").find()
    await silent.close()


async def test_the_token_is_read_anew_for_each_request(api: ApiServer) -> None:
    tokens = ["an old one", TOKEN]
    cluster = Cluster(api.url, namespace=NAMESPACE, token=lambda: tokens.pop(0))
    servers = GameServers(cluster, host_id="cluster-1")
    with pytest.raises(Refused, match="401 Unauthorized"):
        await servers.find()
    assert await servers.find() == []
    await cluster.close()


async def test_no_refusal_shows_a_secret(api: ApiServer, servers: GameServers) -> None:
    api.faults = [422]
    with pytest.raises(CannotStart) as caught:
        await servers.create(launch(), FETCHED)
    assert HIDDEN not in str(caught.value)
