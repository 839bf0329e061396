"""S5 over HTTP, with a host whose processes are made up: what its routes answer."""

from __future__ import annotations

import itertools
import json
import time
import uuid

import pytest

from schemas.fleet.telemetry import BuildLine, Level, Line, Sample, Source
from tests.outside.hosts import SimulatedHost
from tests.outside.projects import REGION, Project, upload
from tests.outside.world import eventually

pytestmark = pytest.mark.stack
OWN = {"startup_args", "stop_reason", "exit_code", "machine_id", "isolation"}
"""What a client key does not see of a server."""
LEVELS: dict[int, Level] = {7: "warn"}


async def test_a_server_s_life(project: Project, players: Project, host: SimulatedHost) -> None:
    started = project.start(custom_data={"map": "a", "weight": 5.0}, ttl=600, startup_args="-x '${A} b'")
    instance_id, path = started["instance_id"], f"/v3/servers/{started['instance_id']}"
    assert (started["status"], started["phase"], started["started_at"]) == ("launching", "starting", None)
    (port,) = started["network_ports"]
    assert (port["internal_port"], port["host"]) == (7777, "192.0.2.7")
    assert 31_000 <= port["external_port"] <= 31_999
    assert started["custom_data"] == {"map": "a", "weight": 5.0}
    assert [
        one["instance_id"] for one in project.ok("GET", "/v3/servers?include_launching=true")["servers"]
    ] == [instance_id]
    assert project.ok("GET", "/v3/servers")["total"] == 0
    await host.ready(instance_id)
    running = project.ok("GET", path)
    assert (running["status"], running["isolation"], running["machine_id"]) == (
        "running",
        "container",
        host.id,
    )
    assert running["started_at"] >= started["created_at"]
    seen = players.ok("GET", path)
    assert seen == {name: value for name, value in running.items() if name not in OWN}
    listed = players.ok("GET", "/v3/servers?include_launching=true&include_pool=true&status=stopped")
    assert [one["instance_id"] for one in listed["servers"]] == [instance_id]
    changed = project.ok("POST", f"{path}/update", {"custom_data": {"b": 1}})
    assert changed["custom_data"] == {"b": 1}
    restarted = project.ok("POST", f"{path}/restart", {"ttl": 900})
    assert (restarted["status"], restarted["ttl"], restarted["custom_data"]) == ("launching", 900, {"b": 1})
    await host.exited(instance_id)
    again = project.ok("GET", path)
    assert (again["restarts"], again["phase"]) == (1, "starting")
    assert again["network_ports"][0]["external_port"] != port["external_port"]
    await host.ready(instance_id, 2)
    assert project.ok("DELETE", f"{path}?shutdown_reason=season%20over") == {"status": "stopped"}
    assert project.ok("GET", path)["phase"] == "stopping"
    await host.exited(instance_id, 2, exit_code=143)
    ended = project.ok("GET", path)
    assert (ended["status"], ended["stop_reason"], ended["exit_code"]) == ("stopped", "season over", 143)
    assert project.ok("DELETE", path) == {"status": "stopped"}
    assert project.refused("POST", f"{path}/update", {"custom_data": {}}) == (409, "stopped")
    assert project.refused("POST", f"{path}/restart") == (409, "stopped")
    assert instance_id in [
        one["instance_id"] for one in project.ok("GET", "/v3/servers?status=stopped")["servers"]
    ]


async def test_a_retry_gets_the_first_answer(project: Project, host: SimulatedHost) -> None:
    body = {"name": "lobby", "region": REGION, "compute_size": "micro", "version_tag": "s5"}
    secret = body | {"environment_variables": {"TOKEN": "very secret"}}
    key = str(uuid.uuid4())
    first, again = (project.call("POST", "/v3/servers/start", secret, idempotency_key=key) for _ in range(2))
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert first.headers["idempotency-key"] == again.headers["idempotency-key"] == key
    assert b"very secret" not in first.content
    assert project.refused("POST", "/v3/servers/start", body, idempotency_key=key) == (
        422,
        "idempotency_mismatch",
    )
    old = project.call("POST", "/v2/servers/start/", secret, idempotency_key=key)
    assert old.content == first.content
    assert project.refused("POST", "/v3/servers/start", body, idempotency_key="x" * 256) == (
        422,
        "validation_error",
    )
    assert host.epoch == 1


async def test_what_a_build_becomes(project: Project, host: SimulatedHost) -> None:
    name = f"b-{uuid.uuid4().hex[:8]}"
    made = project.ok("POST", f"/v3/builds/upload-url?name={name}", status=201)
    path = f"/v3/builds/{made['build_id']}"
    assert (made["name"], made["version"]) == (name, 1)
    assert project.ok("GET", path)["executable_path"] == "Server.x86_64"
    assert project.refused("POST", f"{path}/process") == (409, "nothing_uploaded")
    upload(made["upload_url"])
    assert project.refused("POST", f"{path}/process?name=other") == (422, "validation_error")
    project.ok("POST", f"{path}/process", status=202)
    start = {"name": "x", "region": REGION, "compute_size": "micro", "version_tag": name}
    assert project.refused("POST", "/v3/servers/start", start) == (404, "not_found")
    now_ms = time.time_ns() // 1_000_000
    game = project.world.game("doom")["id"]
    studio = project.world.demo["studio"]["id"]
    await host.told(
        build_lines=[
            BuildLine(studio, game, made["build_id"], 1, n, now_ms + n, "info", "validate", f"line {n}")
            for n in (1, 2, 3)
        ]
    )
    await host.built(made["build_id"])
    ready = project.ok("GET", path)
    assert (ready["status"], ready["files"], ready["version"]) == ("ready", 3, 1)
    logs = eventually(
        lambda: project.ok("GET", f"{path}/logs?limit=2&offset=1"), lambda one: one["total"] == 3
    )
    assert [line["message"] for line in logs["logs"]] == ["line 2", "line 3"]
    assert (logs["has_more"], logs["logs"][0]["step"]) == (False, "validate")
    second = project.ok("POST", f"/v3/builds/upload-url?name={name}", status=201)
    assert second["version"] == 2
    assert project.ok("GET", f"/v3/builds?name={name}&limit=1")["has_more"]
    assert project.ok("DELETE", path)["status"] == "success"
    assert project.ok("DELETE", path)["status"] == "success"
    assert project.ok("GET", path)["status"] == "deleted"
    assert [one["build_id"] for one in project.ok("GET", f"/v3/builds?name={name}")["builds"]] == [
        second["build_id"]
    ]
    assert project.ok("GET", f"/v3/builds?name={name}&status=deleted")["total"] == 1
    assert project.refused("POST", f"{path}/process") == (409, "wrong_status")
    assert project.refused("POST", "/v3/servers/start", start) == (404, "not_found")


def test_an_image_becomes_a_build(project: Project) -> None:
    secret = uuid.uuid4().hex
    body = {
        "name": "image",
        "image_url": "registry.example.com/game:1",
        "registry_credentials": {"username": "u", "password": secret},
    }
    made = project.ok("POST", "/v3/builds/docker-image", body, status=201)
    assert (made["status"], made["build_type"]) == ("processing", "docker_image")
    assert made["image_url"] == "registry.example.com/game:1"
    assert secret not in json.dumps(project.ok("GET", f"/v3/builds/{made['build_id']}"))
    project.ok("DELETE", f"/v3/builds/{made['build_id']}")


async def test_output_is_read_page_by_page_and_searched(project: Project, host: SimulatedHost) -> None:
    server = project.start(name="printer")
    path = f"/v3/servers/{server['instance_id']}"
    world = project.world
    source = Source(
        world.demo["studio"]["id"], world.game("doom")["id"], server["instance_id"], 1, "printer", REGION
    )
    now_ms = time.time_ns() // 1_000_000
    lines = [
        Line(
            0,
            "stderr" if n % 3 == 0 else "stdout",
            10 * n,
            now_ms + n // 4,
            "warn" if n == 7 else "info",
            f"Line {n}",
        )
        for n in range(25)
    ]
    await host.told(sources=[source], lines=lines[:20])
    await host.told(sources=[source], lines=lines[12:])  # again, as after the death of its agent
    await host.told(
        sources=[source],
        samples=[
            Sample(0, now_ms - 15_000 * (2 - n), 50.0, 2**20 * (n + 1), 2**29, 1500 * n, 300 * n, n, 0.5)
            for n in range(3)
        ],
    )
    eventually(lambda: project.ok("GET", f"{path}/logs"), lambda one: len(one["logs"]) == 25)
    read: list[str] = []
    token = None
    for _ in itertools.count():
        page = project.ok("GET", f"{path}/logs?limit=4" + (f"&start_time={token}" if token else ""))
        read += [line["message"] for line in page["logs"]]
        token = page["next_token"]
        if token is None:
            break
    assert read == [f"Line {n}" for n in range(25)]
    found = project.ok("GET", f"/v3/projects/logs?q=line%207&instance_id={server['instance_id']}")
    assert [(line["message"], line["level"], line["server_name"]) for line in found["logs"]] == [
        ("Line 7", "warn", "printer")
    ]
    of_server = f"instance_id={server['instance_id']}"
    assert project.ok("GET", f"/v3/projects/logs?level=error&{of_server}")["logs"] == []
    assert project.refused("GET", f"{path}/logs?start_time=yesterday") == (422, "validation_error")
    metrics = eventually(
        lambda: project.ok("GET", f"{path}/metrics?period=5m&step=15s"),
        lambda one: len(one["memory"]["used_mb"]) == 3,
    )
    assert metrics["memory"]["total_mb"] == 512
    assert [point["v"] for point in metrics["memory"]["used_mb"]] == [1, 2, 3]
    assert {point["v"] for point in metrics["network"]["rx_bytes_per_sec"]} == {100}
    assert metrics["period"]["end"] - metrics["period"]["start"] == 300
    assert project.refused("GET", f"{path}/metrics?period=2h") == (422, "validation_error")


async def test_a_pool_s_server_is_claimed_at_once(
    project: Project, players: Project, host: SimulatedHost
) -> None:
    settings = project.ok("GET", "/v3/projects/settings")
    pool = {"enabled": True, "regions": {REGION: {"micro": 1}}, "version_tag": "s5"}
    assert project.ok("POST", "/v3/projects/settings", {"pool_config": pool})["pool_config"] == pool
    try:
        (waiting,) = project.ok(
            "GET", f"/v3/servers?include_launching=true&include_pool=true&region={REGION}"
        )["servers"]
        assert waiting["is_pool_server"]
        await host.ready(waiting["instance_id"])
        path = f"/v3/servers/{waiting['instance_id']}"
        assert players.refused("GET", path) == (404, "not_found")
        assert project.refused("POST", f"{path}/restart") == (409, "unclaimed")
        assert project.ok("GET", "/v3/servers")["total"] == 0
        claimed = project.start(name="mine", match_id="match-1")
        assert (claimed["instance_id"], claimed["status"]) == (waiting["instance_id"], "running")
        assert (claimed["name"], claimed["is_pool_server"]) == ("mine", True)
        assert players.ok("GET", path)["match_id"] == "match-1"
        assert project.ok("GET", "/v3/servers?match_id=match-1")["total"] == 1
        assert project.ok("GET", "/v3/servers?include_launching=true&include_pool=true")["total"] == 2
    finally:
        project.ok("POST", "/v3/projects/settings", {"pool_config": settings["pool_config"]})


def test_settings_are_replaced_by_field(project: Project) -> None:
    before = project.ok("GET", "/v3/projects/settings")
    changed = project.ok(
        "POST", "/v3/projects/settings", {"environment_variables": {"MODE": "ranked"}, "stop_grace": 3}
    )
    assert changed["environment_variables"] == {"MODE": "ranked"}
    assert project.ok("GET", "/v3/projects/settings") == changed
    assert {name for name, value in changed.items() if value != before[name]} == {
        "environment_variables",
        "stop_grace",
        "updated_at",
    }
    assert project.ok("POST", "/v3/projects/settings", {}) == changed
    project.ok("POST", "/v3/projects/settings", {"environment_variables": {}, "stop_grace": 10})


async def test_v2_is_the_same_under_its_old_names(project: Project, host: SimulatedHost) -> None:
    assert project.ok("GET", "/v2/project")["project_id"] == project.world.game("doom")["id"]
    made = project.ok("POST", "/v2/builds/builds/upload-url/?name=v2", status=201)
    assert project.ok("GET", f"/v2/builds/{made['build_id']}/")["name"] == "v2"
    server = project.start()
    await host.ready(server["instance_id"])
    path = f"/v2/servers/{server['instance_id']}/update/"
    shown = project.ok("PUT", path, {"custom_data": {"a": 1}}, x_server_status="running")
    assert (shown["status"], shown["custom_data"]) == ("running", {"a": 1})
    assert project.refused("PUT", path, x_server_status="gone") == (422, "validation_error")
    assert project.ok("PUT", path, x_server_status="stopped")["phase"] == "stopping"
    assert project.ok("PUT", path, x_server_status="stopped")["status"] == "stopped"
    assert project.ok("GET", f"/v2/servers/{server['instance_id']}/")["status"] == "stopped"


async def test_tls_is_offered_where_a_host_ends_it(project: Project, host: SimulatedHost) -> None:
    web = {"name": "web", "internal_port": 8443, "protocol": "tcp", "tls_enabled": True}
    body = {"name": "lobby", "region": REGION, "compute_size": "micro", "port_configs": [web]}
    udp = project.call("POST", "/v3/servers/start", body | {"port_configs": [web | {"protocol": "udp"}]})
    assert [one["loc"] for one in udp.json()["detail"]] == [["port_configs", 0, "tls_enabled"]]
    refused = project.call("POST", "/v3/servers/start", body)
    assert refused.status_code == 422
    (problem,) = refused.json()["detail"]
    assert problem["loc"] == ["port_configs"]
    assert problem["msg"].startswith("the port web has tls_enabled, but no host in")
    settings = project.call("POST", "/v3/projects/settings", {"port_configs": [web]})
    assert [one["loc"] for one in settings.json()["detail"]] == [["port_configs"]]
    await host.join(tls=True)
    started = project.start(port_configs=[web])
    (port,) = started["network_ports"]
    assert (port["tls_enabled"], port["protocol"], port["host"]) == (True, "tcp", "192.0.2.7")
    project.ok("DELETE", f"/v3/servers/{started['instance_id']}")
    await host.exited(started["instance_id"])
    await host.join()
