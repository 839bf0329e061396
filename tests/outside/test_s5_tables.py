"""What analysts see of the fleet in the running stack: their own studio's rows, and no secret."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests import plain_http
from tests.outside.hosts import SimulatedHost
from tests.outside.projects import Project
from tests.outside.world import World, eventually
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack
TABLES = ("fleet_servers", "fleet_transitions", "fleet_builds", "fleet_hosts", "fleet_events")
PASSWORD = "pass"  # noqa: S105 - of a user of this test


@pytest.fixture
def readers(world: World, questlog_stack: QuestlogStack) -> Iterator[None]:
    """Two read-only users, one of each studio."""
    path = questlog_stack.home / "clickhouse" / "readers.json"
    studios = {"ann": world.demo["studio"]["id"], "bea": world.other["studio"]["id"]}
    digest = hashlib.sha256(PASSWORD.encode()).hexdigest()
    path.write_text(
        json.dumps({user: {"password_sha256": digest, "studio_id": one} for user, one in studios.items()})
    )
    yield
    path.unlink()


def found_by(world: World, user: str, what: str) -> set[str]:
    """What a reader's query finds, each once."""
    address = urlsplit(world.demo["clickhouse_url"])
    answer = plain_http.post(
        f"http://{address.hostname}:{address.port}/",
        params={"database": "questlog"},
        auth=(user, PASSWORD),
        content=f"SELECT DISTINCT {what} FINAL",
    )
    assert answer.status_code == 200, answer.text
    return set(answer.text.split())


@pytest.mark.usefixtures("readers")
async def test_a_studio_reads_its_own_fleet_and_nothing_secret(
    world: World, project: Project, host: SimulatedHost
) -> None:
    secret = f"secret-{uuid.uuid4().hex}"
    started = project.start(
        name="counted", environment_variables={"TOKEN": secret}, startup_args=secret, match_id="match-7"
    )
    instance_id, path = started["instance_id"], f"/v3/servers/{started['instance_id']}"
    await host.ready(instance_id)
    shown = project.ok("GET", path)
    project.ok("DELETE", f"{path}?shutdown_reason=season%20over")
    await host.exited(instance_id, exit_code=143)
    told = eventually(
        lambda: world.rows(
            "SELECT event, phase, reason FROM fleet_transitions FINAL WHERE instance_id = {id:String}"
            " ORDER BY _offset, _index",
            id=instance_id,
        ),
        lambda rows: len(rows) == 5,
    )
    assert [(row["event"], row["phase"]) for row in told] == [
        ("placed", "starting"),
        ("started", "starting"),
        ("ready", "running"),
        ("stopping", "stopping"),
        ("stopped", "stopped"),
    ]
    assert told[-1]["reason"] == "season over"
    (row,) = world.rows(
        "SELECT name, status, region, compute_size, match_id, host_id, address, external_ports, exit_code,"
        " stop_reason FROM fleet_servers FINAL WHERE instance_id = {id:String}",
        id=instance_id,
    )
    (port,) = shown["network_ports"]
    assert row == {
        "name": "counted",
        "status": "stopped",
        "region": shown["region"],
        "compute_size": "micro",
        "match_id": "match-7",
        "host_id": host.id,
        "address": port["host"],
        "external_ports": [port["external_port"]],
        "exit_code": 143,
        "stop_reason": "season over",
    }
    (of_host,) = world.rows(
        "SELECT servers, status FROM fleet_hosts FINAL WHERE id = {id:String}", id=host.id
    )
    assert of_host["status"] == "up"
    for table in TABLES:
        (found,) = world.rows(
            f"SELECT countIf(position(toString(tuple(*)), {{secret:String}}) > 0) AS n FROM {table}",
            secret=secret,
        )
        assert (table, int(found["n"])) == (table, 0)
        if table == "fleet_hosts":  # of no studio
            assert found_by(world, "ann", "id FROM fleet_hosts") == set()
            continue
        # Other tests may have had servers of hers: her own rows are all that she finds.
        others = found_by(world, "bea", f"studio_id FROM {table}") - {world.other["studio"]["id"]}
        own = found_by(world, "ann", f"studio_id FROM {table}")
        assert (table, own, others) == (table, {world.demo["studio"]["id"]}, set())
