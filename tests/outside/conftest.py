"""One running stack for all outside tests, and S2's callers on it, new for each file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.outside.playtests import Owner, Playtester, new_playtester
from tests.outside.world import World
from tests.stack import QuestlogStack


@pytest.fixture(scope="session")
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
