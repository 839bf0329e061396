from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.streams.fleet.host.world import Kind, World, kinds, nothing_left

KINDS = kinds()


@pytest.fixture(scope="module", params=KINDS)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A host of every driver that this machine can run: the test's name says which."""
    with _world(tmp_path_factory.mktemp("host"), request.param) as found:
        yield found


@pytest.fixture(scope="module")
def best(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A host of the driver that this machine runs best."""
    with _world(tmp_path_factory.mktemp("host"), KINDS[0]) as found:
        yield found


@contextmanager
def _world(root: Path, kind: Kind) -> Iterator[World]:
    with nothing_left(root, kind):
        world = World(root, kind)
        try:
            yield world
        finally:
            world.close()
