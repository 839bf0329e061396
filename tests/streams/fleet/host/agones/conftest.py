from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from streams.fleet.host.agones.cluster import Cluster
from tests.streams.fleet.host.agones.api_server import NAMESPACE, TOKEN, ApiServer, api_server


@pytest.fixture
async def api() -> AsyncIterator[ApiServer]:
    async with api_server() as found:
        yield found


@pytest.fixture
async def cluster(api: ApiServer) -> AsyncIterator[Cluster]:
    found = Cluster(api.url, namespace=NAMESPACE, token=lambda: TOKEN, pause_s=0.001)
    try:
        yield found
    finally:
        await found.close()
