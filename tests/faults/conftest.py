"""One stack for all fault tests: it is broken and must be whole again before a test ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import pytest

from deploy.lab.drill.stack import OwnStack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


_WHOLE_SECONDS: Final = 180.0


@pytest.fixture(scope="package")
def broken_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnStack]:
    """A stack with the demo studios and no bots; its parts may be hit by their pids."""
    own = OwnStack(tmp_path_factory.mktemp("faults"))
    with asyncio.Runner() as runner:
        runner.run(own.__aenter__())
        yield own
        runner.run(own.stop())


@pytest.fixture
async def stack(broken_stack: OwnStack) -> AsyncIterator[OwnStack]:
    """That stack, whole; a test that leaves it otherwise has failed."""
    yield broken_stack
    assert await broken_stack.wait_ready(_WHOLE_SECONDS), broken_stack.parts()
