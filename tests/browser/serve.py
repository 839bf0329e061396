"""`python -m tests.browser.serve`: the dashboard over seeded data, to look at while working on it.

Starts a ClickHouse and a Redis of its own in temporary folders. Says what keys sign in.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

from deploy.assets import install_assets
from deploy.stack.kafka_jars import default_cache
from projections.clickhouse.client import ClickHouse
from tests.browser.insights import seed_insights
from tests.browser.liveops import seed_liveops
from tests.browser.seed import Seed, seed_game, seed_live
from tests.browser.world import DOOM, MANAGEMENT, SECRET, World
from tests.stack import infra


async def seeded(world: World, url: str, redis_url: str, database: str, sessions: int) -> None:
    """Fill the stores."""
    client = ClickHouse(url, database)
    try:
        doom = Seed(DOOM.studio_id, DOOM.id, int(time.time() * 1000), sessions=sessions)
        await seed_game(client, doom)
        await seed_live(redis_url, doom)
        await seed_liveops(client, world.liveops, DOOM)
        await seed_insights(client, world.experiments, DOOM, doom)
    finally:
        await client.close()


def main() -> None:
    """Serve until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", default="dashboard_look")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--sessions", type=int, default=160)
    arguments = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(infra(home / "clickhouse", "clickhouse"))
        redis_url = stack.enter_context(infra(home / "redis", "redis"))
        world = World(url, arguments.database, redis_url, install_assets(default_cache()))
        asyncio.run(seeded(world, url, redis_url, arguments.database, arguments.sessions))
        stack.enter_context(world.served(arguments.port))
        sys.stdout.write(f"{world.base_url}/dashboard/\nmanagement key {MANAGEMENT}\nsecret key {SECRET}\n")
        sys.stdout.flush()
        stop.wait()


if __name__ == "__main__":
    main()
