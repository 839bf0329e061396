"""`python -m deploy.stack.infra`: Kafka, Redis and ClickHouse alone, for tests and for work on one part.

Prints one JSON line with their URLs when all are ready, then runs until SIGTERM, SIGINT or its parent's end.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from deploy.stack.clickhouse import clickhouse_part
from deploy.stack.kafka import kafka_part
from deploy.stack.part import PartFailed, PartSpec, RunningPart
from deploy.stack.ports import free_port
from deploy.stack.redis import redis_part

NAMES = ("kafka", "redis", "clickhouse")


async def run(specs: list[PartSpec], logs: Path, announcement: dict[str, str]) -> int:
    """Start all, announce them, stop them in reverse order at a signal.

    1 where one fails or ends by itself.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    parts: list[RunningPart] = []
    code = 0
    try:
        for spec in specs:
            part = await RunningPart.start(spec, logs)
            parts.append(part)  # one by one: what was started is stopped even where a later one fails
        await asyncio.gather(*(part.wait_ready() for part in parts))
        print(json.dumps(announcement), flush=True)
        waits = {asyncio.ensure_future(part.process.wait()): part.spec.name for part in parts}
        stop = asyncio.ensure_future(stopping.wait())
        done, _ = await asyncio.wait({stop, *waits}, return_when=asyncio.FIRST_COMPLETED)
        for ended in done - {stop}:
            print(f"{waits[ended]} ended by itself; its log is in {logs}", file=sys.stderr)
            code = 1
    except PartFailed as error:
        print(error, file=sys.stderr)
        code = 1
    finally:
        for part in reversed(parts):
            with contextlib.suppress(ProcessLookupError):
                await part.stop()
    return code


def main() -> None:
    """Read the options, run, exit with run's code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    for name in NAMES:
        parser.add_argument(f"--{name}-port", type=int, default=0, help="0 (default): a free one")
    parser.add_argument("--only", choices=NAMES, action="append", help="start these alone (repeatable)")
    arguments = parser.parse_args()
    wanted = arguments.only or list(NAMES)
    ports = {name: getattr(arguments, f"{name}_port") or free_port() for name in wanted}
    home = arguments.home
    urls = {
        "kafka": "localhost:{}",
        "redis": "redis://localhost:{}/0",
        "clickhouse": "http://localhost:{}",
    }
    keys = {"kafka": "kafka", "redis": "redis_url", "clickhouse": "clickhouse_url"}
    makers: dict[str, Callable[[Path, int], PartSpec]] = {
        "kafka": kafka_part,
        "redis": redis_part,
        "clickhouse": clickhouse_part,
    }
    try:
        specs = [makers[name](home, ports[name]) for name in wanted]
    except PartFailed as error:
        sys.exit(str(error))
    announcement = {keys[name]: urls[name].format(ports[name]) for name in wanted}
    sys.exit(asyncio.run(run(specs, home / "logs", announcement)))


if __name__ == "__main__":
    main()
