"""The agent on a cluster, against the real decider: servers come, are adopted, print, and end once.

The API is a server on loopback; what Agones' controller and the kubelet do is done by the tests.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from schemas.fleet import commands as ask
from schemas.fleet.names import project_aggregate
from schemas.fleet.views import Server
from streams.fleet.host.agones import cluster_attempts
from streams.fleet.host.agones.cluster import TRIES, Cluster, ClusterUnavailable
from streams.fleet.host.agones.driver import AgonesDriver
from streams.fleet.host.agones.manifest import Content
from streams.fleet.host.attempts import Attempts
from streams.fleet.host.driver import CannotStart, Exit
from streams.fleet.host.launch import Launch
from tests.streams.fleet.host.agones.api_server import NAMESPACE, TOKEN, ApiServer
from tests.streams.fleet.host.agones.attempts import FETCHED, launch
from tests.streams.fleet.host.fleet_log import GAME, HOST_ID, STUDIO, Fleet

NODE: Final = "203.0.113.7"
AT: Final = "2026-01-01T00:00:00.00000000"


async def fetched(_launch: Launch) -> Content:
    return FETCHED


class ClusterWorld:
    """A host that is a cluster."""

    kind: Final = "agones"

    def __init__(self, root: Path, api: ApiServer) -> None:
        self.root = root
        self.attempts = Attempts(root)
        cluster = Cluster(api.url, namespace=NAMESPACE, token=lambda: TOKEN, pause_s=0.001)
        self.driver = AgonesDriver(root, cluster=cluster, host_id=HOST_ID, content=fetched)


@pytest.fixture
async def fleet(api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Fleet]:
    monkeypatch.setattr(cluster_attempts, "_LOOK_S", 0.02)
    monkeypatch.setattr(cluster_attempts, "_FLUSH_S", 0.02)
    fleet = Fleet(ClusterWorld(tmp_path / "host", api), tmp_path)
    await fleet.open({"serve": b"#!/bin/sh\n"})
    await fleet.log.ask(ask.ChangeSettings(readiness="sdk"), project_aggregate(STUDIO, GAME))
    yield fleet
    fleet.world.driver.leave()


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - of objects that another thread changes
            await asyncio.sleep(0.01)


def name(server: Server) -> str:
    return f"{server.instance_id}-1"


async def placed(api: ApiServer, fleet: Fleet) -> Server:
    """A server whose object is there, and its Secret."""
    server = await fleet.start()
    await until(lambda: name(server) in api.secrets)
    return server


async def started(api: ApiServer, fleet: Fleet) -> Server:
    """One whose pod runs on a node."""
    server = await placed(api, fleet)
    api.pods[name(server)] = {"metadata": {"name": name(server), "uid": f"pod-{name(server)}"}}
    await api.becomes(name(server), state="Scheduled", address=NODE)
    await until(lambda: "started" in fleet.happened(server))
    return server


async def ready(api: ApiServer, fleet: Fleet) -> Server:
    """One that has said that it is."""
    server = await started(api, fleet)
    await api.becomes(name(server), state="Ready")
    return await fleet.log.until(server.instance_id, "running")


async def ends(api: ApiServer, server: Server, code: int, reason: str = "Error") -> None:
    """The kubelet notes the end of its container."""
    state = {"terminated": {"exitCode": code, "reason": reason}}
    api.pods[name(server)]["status"] = {"containerStatuses": [{"name": "game", "state": state}]}
    await api.prints(name(server), b"", ends=True)


async def noted(fleet: Fleet, server: Server) -> None:
    """The agent has read how its container ended."""
    attempt = fleet.world.attempts.get(name(server))
    assert attempt is not None
    known = fleet.world.driver._followed.known[attempt.id]  # type: ignore[attr-defined] # of this driver
    await until(lambda: known.seen.exit_code is not None)


def shown(api: ApiServer, server: Server) -> dict[str, Any]:
    """Its server.json."""
    return dict(json.loads(api.secrets[name(server)]["stringData"]["server.json"]))


def deleted(api: ApiServer, server: Server) -> bool:
    return "deletionTimestamp" in api.servers[name(server)]["metadata"]


def creations(api: ApiServer) -> int:
    return api.asked[f"POST /apis/agones.dev/v1/namespaces/{NAMESPACE}/gameservers"]


async def test_a_server_runs_is_shown_and_stops(api: ApiServer, fleet: Fleet) -> None:
    async with fleet.agent() as agent:
        server = await ready(api, fleet)
        assert server.isolation == "container"
        assert [port.host for port in server.ports] == [NODE]
        await until(lambda: shown(api, server)["status"] == "running")
        assert shown(api, server)["network_ports"][0]["host"] == NODE
        await api.prints(name(server), f"{AT}1Z begun\n".encode())
        await fleet.output(server, "begun")
        await fleet.stop(server)
        await until(lambda: deleted(api, server))
        await api.prints(name(server), f"{AT}2Z ending".encode())
        await ends(api, server, 5)
        await asyncio.sleep(0)
        assert fleet.log.server(server.instance_id).phase == "stopping"
        await noted(fleet, server)
        await api.gone(name(server))
        stopped = await fleet.log.until(server.instance_id, "stopped")
        assert (stopped.exit_code, stopped.stop_reason) == (5, "API_REQUEST")
        assert fleet.happened(server) == ["placed", "started", "ready", "stopping", "stopped"]
        await fleet.output(server, "ending")
        await until(lambda: not agent.servings)
    assert fleet.lines(server) == ["begun", "ending"]
    assert list(fleet.world.attempts) == []
    assert creations(api) == 1


async def test_servers_go_on_without_their_agent_and_are_adopted(api: ApiServer, fleet: Fleet) -> None:
    async with fleet.agent():
        server, other = await ready(api, fleet), await ready(api, fleet)
        await api.prints(name(server), f"{AT}1Z one\n".encode())
        await fleet.output(server, "one")
    await api.prints(name(server), f"{AT}2Z two\n".encode())
    await ends(api, other, 7)
    async with fleet.agent():
        await until(lambda: deleted(api, other))
        await api.gone(name(other))
        stopped = await fleet.log.until(other.instance_id, "stopped")
        assert (stopped.exit_code, stopped.stop_reason) == (7, "PROCESS_EXITED")
        await fleet.output(server, "two")
        assert fleet.log.server(server.instance_id).phase == "running"
        assert not deleted(api, server)
    assert fleet.lines(server) == ["one", "two"]
    assert creations(api) == 2


async def test_an_agent_whose_folders_are_lost_finds_its_servers_by_their_labels(
    api: ApiServer, fleet: Fleet
) -> None:
    async with fleet.agent():
        stays, unwanted = await ready(api, fleet), await ready(api, fleet)
    shutil.rmtree(fleet.world.root / "attempts")
    (fleet.world.root / "attempts").mkdir()
    await fleet.stop(unwanted)
    async with fleet.agent() as agent:
        await until(lambda: deleted(api, unwanted))
        await api.gone(name(unwanted))
        await fleet.log.until(unwanted.instance_id, "stopped")
        assert not deleted(api, stays)
        await fleet.stop(stays)
        await until(lambda: deleted(api, stays))
        await api.gone(name(stays))
        await fleet.log.until(stays.instance_id, "stopped")
        await until(lambda: not agent.servings)
    assert creations(api) == 2


async def test_an_end_before_it_was_ready_is_read_from_its_pod(api: ApiServer, fleet: Fleet) -> None:
    async with fleet.agent():
        server = await started(api, fleet)
        await api.prints(name(server), f"{AT}1Z no map".encode())
        await ends(api, server, 9)
        await until(lambda: deleted(api, server))
        await api.gone(name(server))
        stopped = await fleet.log.until(server.instance_id, "stopped")
        assert (stopped.exit_code, stopped.stop_reason) == (9, "PROCESS_EXITED")
        await fleet.output(server, "no map")


@pytest.mark.parametrize(
    ("state", "reason"), [("Unhealthy", "UNHEALTHY"), ("Error", "STARTUP_FAILURE_EXECUTABLE")]
)
async def test_a_server_that_agones_gives_up_is_ended(
    api: ApiServer, fleet: Fleet, state: str, reason: str
) -> None:
    async with fleet.agent():
        server = await ready(api, fleet)
        await api.becomes(name(server), state=state)
        await until(lambda: deleted(api, server) and name(server) not in api.pods)
        await api.gone(name(server))
        stopped = await fleet.log.until(server.instance_id, "stopped")
        assert (stopped.exit_code, stopped.stop_reason) == (137, reason)


async def test_a_server_that_ends_by_its_own_word_says_so(api: ApiServer, fleet: Fleet) -> None:
    async with fleet.agent():
        server = await ready(api, fleet)
        await api.becomes(name(server), state="Shutdown")
        await ends(api, server, 0, "Completed")
        await noted(fleet, server)
        await api.gone(name(server))
        stopped = await fleet.log.until(server.instance_id, "stopped")
        assert (stopped.exit_code, stopped.stop_reason) == (0, "SHUTDOWN_SIGNAL")


async def test_a_server_that_no_node_takes_is_late(api: ApiServer, fleet: Fleet) -> None:
    await fleet.log.ask(ask.ChangeSettings(startup_timeout_s=1), project_aggregate(STUDIO, GAME))
    async with fleet.agent():
        server = await placed(api, fleet)
        await until(lambda: deleted(api, server))
        await api.gone(name(server))
        assert (await fleet.log.until(server.instance_id, "stopped")).stop_reason == "STARTUP_TIMEOUT"


async def test_readiness_by_ports_is_refused(api: ApiServer, fleet: Fleet) -> None:
    await fleet.log.ask(ask.ChangeSettings(readiness="ports"), project_aggregate(STUDIO, GAME))
    async with fleet.agent() as agent:
        server = await fleet.start()
        stopped = await fleet.log.until(server.instance_id, "stopped")
        assert (stopped.exit_code, stopped.stop_reason) == (None, "STARTUP_FAILURE_EXECUTABLE")
        await until(lambda: not agent.servings)
    assert creations(api) == 0


async def test_what_is_printed_comes_once_through_breaks_and_in_one_moment(
    api: ApiServer, fleet: Fleet
) -> None:
    async with fleet.agent():
        server = await ready(api, fleet)
        await api.prints(name(server), f"{AT}1Z a\n{AT}1Z a\n".encode())
        await fleet.output(server, "a")
        api.cut_lines = True
        await api.prints(name(server), f"{AT}1Z a\n{AT}2Z b\n".encode())
        await fleet.output(server, "b")
        await until(lambda: len(fleet.lines(server)) == 4)
        for request in list(api._watches):
            assert request.transport is not None
            request.transport.abort()
        await api.prints(name(server), f"{AT}2Z c\n".encode())
        await fleet.output(server, "c")
    assert fleet.lines(server) == ["a", "a", "a", "b", "c"]


async def test_an_attempt_whose_creation_had_no_answer_is_ended_and_never_asked_for_again(
    api: ApiServer, fleet: Fleet
) -> None:
    driver = fleet.world.driver
    await asyncio.to_thread(driver.open)
    await api.watched(1)
    attempt = fleet.world.attempts.make(launch(), driver=driver.name, now_ms=0)
    api.faults = ["drop-after", *[503] * (TRIES - 1)]
    with pytest.raises(CannotStart, match="no answer"):
        await asyncio.to_thread(driver.start, attempt)
    assert attempt.id in api.servers
    killing = asyncio.create_task(asyncio.to_thread(driver.kill, attempt))
    await until(lambda: "deletionTimestamp" in api.servers[attempt.id]["metadata"])
    await api.gone(attempt.id)
    await killing
    assert not await asyncio.to_thread(driver.start, attempt)
    assert driver.ended(attempt) == Exit(137)
    assert api.servers == {}


async def test_a_cluster_that_gives_no_answer_opens_no_host(api: ApiServer, fleet: Fleet) -> None:
    api.faults = [503] * TRIES
    with pytest.raises(ClusterUnavailable):
        await asyncio.to_thread(fleet.world.driver.open)
    await asyncio.to_thread(fleet.world.driver.open)
