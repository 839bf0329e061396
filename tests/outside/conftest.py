"""The world fixture: one running stack for all outside tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.outside.world import World


@pytest.fixture(scope="session")
def world(questlog_stack: Any) -> Iterator[World]:
    world = World(questlog_stack.demo)
    yield world
    world.http.close()
    world.clickhouse.close()
