"""Game servers from an upload to their end, by HTTP and by the games' own ports: nothing here is made up."""

from __future__ import annotations

import os
import signal
import socket
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from deploy.lab.example_builds import TEEWORLDS
from deploy.stack.programs import AGENT
from tests.outside.game_builds import (
    HOSTED_REGION,
    PORTS,
    echo_zip,
    ready_build,
    running_server,
    upload_build,
)
from tests.outside.projects import Json, Project
from tests.outside.world import World, eventually, questlog
from tests.stack import QuestlogStack
from tests.streams.fleet.host.games import teeworlds_info

pytestmark = pytest.mark.stack


@pytest.fixture
def project(project: Project) -> Iterator[Project]:
    yield project
    listed = f"/v3/servers?include_launching=true&include_pool=true&region={HOSTED_REGION}"
    for server in project.ok("GET", listed)["servers"]:
        project.ok("DELETE", f"/v3/servers/{server['instance_id']}")
    eventually(lambda: project.ok("GET", listed)["total"], lambda total: total == 0, within_s=60)


def start(project: Project, build: str, **fields: object) -> Json:
    body = {"name": "echo", "region": HOSTED_REGION, "compute_size": "micro", "version_tag": build, **fields}
    return project.ok("POST", "/v3/servers/start", body, status=201)


def address(server: Json, name: str) -> tuple[str, int]:
    port = next(port for port in server["network_ports"] if port["name"] == name)
    return port["host"], port["external_port"]


def by_udp(server: Json, said: bytes, timeout_s: float = 60) -> bytes:
    """What the server answers at its port `game`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as player:
        player.settimeout(timeout_s)
        player.connect(address(server, "game"))
        player.send(said)
        return player.recv(2000)


def by_tcp(server: Json, said: bytes, timeout_s: float = 60) -> bytes:
    """The same at its port `control`."""
    with socket.create_connection(address(server, "control"), timeout=timeout_s) as player:
        player.sendall(said)
        return player.recv(2000)


def test_a_game_from_its_upload_to_its_end(
    project: Project, questlog_stack: QuestlogStack, tmp_path: Path
) -> None:
    """Its host's agent is killed while the game runs and another build is processed: neither is harmed."""
    name = f"echo-{uuid.uuid4().hex[:8]}"
    made = upload_build(project, name, echo_zip(), "serve")
    path = f"/v3/builds/{made['build_id']}"
    assert project.ok("POST", f"{path}/process", status=202)["status"] == "processing"
    built = ready_build(project, made["build_id"])
    assert (built["executable_path"], built["files"], built["error"]) == ("serve", 1, None)
    told = eventually(
        lambda: project.ok("GET", f"{path}/logs")["logs"],
        lambda lines: bool(lines) and lines[-1]["step"] == "done",
    )
    assert told[-1]["message"].endswith(built["sha256"])

    started = start(
        project,
        name,
        port_configs=PORTS,
        startup_args="-map 'two words' ${MODE}",
        environment_variables={"MODE": "duel"},
        custom_data={"map": "a"},
        match_id=name,
    )
    server = running_server(project, started["instance_id"])
    assert (server["version_tag"], server["version"], server["restarts"]) == (name, 1, 0)
    born, _, heard = by_udp(server, b"hello").partition(b" ")
    assert heard == b"hello"
    assert by_tcp(server, b"and again") == born + b" and again"
    logs = f"/v3/servers/{server['instance_id']}/logs"
    printed = eventually(lambda: project.ok("GET", logs)["logs"], lambda lines: len(lines) == 2)
    assert sorted((line["message"], line["level"]) for line in printed) == [
        ("Warning: few players", "warn"),
        ("mode duel -map two words duel", "info"),
    ]

    archive = tmp_path / "teeworlds.zip"
    TEEWORLDS.write_zip(archive)
    agent = questlog_stack.parts()[AGENT]["pid"]
    other = upload_build(project, f"{name}-tee", archive.read_bytes(), "run.sh", version="v2")
    eventually(
        lambda: project.ok("GET", f"/v3/builds/{other['build_id']}"), lambda one: one["status"] != "uploading"
    )
    os.kill(agent, signal.SIGKILL)
    assert ready_build(project, other["build_id"])["files"] > 10
    eventually(lambda: questlog_stack.parts()[AGENT]["pid"], lambda pid: pid != agent)
    assert by_udp(server, b"still") == born + b" still"

    game = running_server(project, start(project, f"{name}-tee", name="tee")["instance_id"])
    assert teeworlds_info(address(game, "game"), timeout_s=60)
    used = eventually(
        lambda: project.ok("GET", f"/v3/servers/{server['instance_id']}/metrics?period=5m&step=15s"),
        lambda one: bool(one["memory"]["used_mb"]),
        within_s=120,
    )
    assert 0 < used["memory"]["used_mb"][-1]["v"] < used["memory"]["total_mb"] == 512

    unbound = {"name": "query", "internal_port": 7779, "protocol": "udp"}
    old = start(project, name, name="old", port_configs=[*PORTS, unbound])
    said = {"custom_data": {"by": "its word"}}
    ready = project.ok("PUT", f"/v2/servers/{old['instance_id']}/update", said, x_server_status="running")
    assert (ready["status"], ready["custom_data"]) == ("running", said["custom_data"])

    for one in (server, game):
        project.ok("DELETE", f"/v3/servers/{one['instance_id']}?shutdown_reason=season%20over")
    ended = eventually(
        lambda: project.ok("GET", f"/v3/servers/{server['instance_id']}"),
        lambda one: one["phase"] == "stopped",
    )
    assert (ended["stop_reason"], ended["exit_code"]) == ("season over", 128 + signal.SIGTERM)
    assert (ended["restarts"], ended["started_at"]) == (0, server["started_at"])
    with pytest.raises(OSError, match=r"timed out|refused|unreachable"):
        by_tcp(server, b"gone", timeout_s=5)


def test_a_rebuild_under_launches_starts_and_stops_nothing(
    world: World, project: Project, questlog_stack: QuestlogStack
) -> None:
    name = f"echo-{uuid.uuid4().hex[:8]}"
    made = upload_build(project, name, echo_zip(), "serve")
    project.ok("POST", f"/v3/builds/{made['build_id']}/process", status=202)
    ready_build(project, made["build_id"])
    stays = running_server(project, start(project, name, port_configs=PORTS)["instance_id"])
    born = by_udp(stays, b"").strip()
    expected = {stays["instance_id"]: ["placed", "started", "ready"]}
    with ThreadPoolExecutor(1) as beside:
        rebuilding = beside.submit(questlog, questlog_stack, "rebuild", "redis")
        while not (rebuilding.done() and len(expected) > 1):
            one = running_server(project, start(project, name, port_configs=PORTS)["instance_id"])
            project.ok("DELETE", f"/v3/servers/{one['instance_id']}")
            ended = f"/v3/servers/{one['instance_id']}"
            eventually(partial(project.ok, "GET", ended), lambda found: found["phase"] == "stopped")
            expected[one["instance_id"]] = ["placed", "started", "ready", "stopping", "stopped"]
        rebuilding.result()
    assert by_udp(stays, b"").strip() == born
    assert project.ok("GET", f"/v3/servers/{stays['instance_id']}")["restarts"] == 0
    query = (
        "SELECT instance_id, event, attempt FROM fleet_transitions FINAL WHERE build_id = {build:String}"
        " ORDER BY _offset, _index"
    )
    happened: dict[str, list[str]] = {}

    def told() -> dict[str, list[str]]:
        happened.clear()
        for row in world.rows(query, build=made["build_id"]):
            assert int(row["attempt"]) == 1
            happened.setdefault(row["instance_id"], []).append(row["event"])
        return happened

    assert eventually(told, lambda found: found == expected) == expected
