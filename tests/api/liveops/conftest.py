from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.api.liveops.world import World, open_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def reads(redis_url: str) -> AsyncIterator[World]:
    async with open_world(redis_url) as world:
        yield world
