from __future__ import annotations

import pytest

from tests.streams.liveops.world import World


@pytest.fixture(autouse=True, params=[1, 4, 8], ids="partitions={}".format)
def _partitions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(World, "partitions", request.param)
