"""One running stack for all outside tests, and S2's callers on it, new for each file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.outside.hosts import SimulatedHost, simulated_host
from tests.outside.playtests import Owner, Playtester, new_playtester
from tests.outside.projects import REGION, Project
from tests.outside.world import World
from tests.stack import QuestlogStack


@pytest.fixture(scope="module")
def world(questlog_stack: QuestlogStack) -> Iterator[World]:
    world = World(questlog_stack.demo)
    yield world
    world.http.close()
    world.clickhouse.close()


@pytest.fixture(scope="module")
def owner(world: World) -> Owner:
    return Owner(world, world.keys["wpg_sk"])


@pytest.fixture(scope="module")
def ada(world: World, questlog_stack: QuestlogStack) -> Playtester:
    return new_playtester(world, questlog_stack)


@pytest.fixture(scope="module")
def brendan(world: World, questlog_stack: QuestlogStack) -> Playtester:
    return new_playtester(world, questlog_stack)


@pytest.fixture
def project(world: World) -> Project:
    return Project(world, world.keys["pf"])


@pytest.fixture
def players(world: World) -> Project:
    return Project(world, world.keys["pfclient"])


@pytest.fixture
def foreign(world: World) -> Project:
    return Project(world, world.other["keys"]["pf"])


@pytest.fixture
async def host(world: World, project: Project) -> AsyncIterator[SimulatedHost]:
    """A host of the region, and a build `s5` that it has made."""
    async with simulated_host(world.demo, REGION) as one:
        if not project.ok("GET", "/v3/builds?name=s5&status=ready")["total"]:
            await one.built(project.build("s5")["build_id"])
        yield one
        for server in project.ok(
            "GET", f"/v3/servers?include_launching=true&include_pool=true&region={REGION}"
        )["servers"]:
            project.ok("DELETE", f"/v3/servers/{server['instance_id']}")
            await one.exited(server["instance_id"], server["restarts"] + 1)
