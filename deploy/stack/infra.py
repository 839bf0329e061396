"""`python -m deploy.stack.infra`: Kafka, Redis and ClickHouse alone, for tests and for work on one program.

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

from deploy.settings import Settings, make_secret
from deploy.stack.clickhouse import DATABASE, clickhouse_part, clickhouse_url
from deploy.stack.kafka import kafka_part
from deploy.stack.ports import free_port
from deploy.stack.program import PartFailed, ProgramSpec, RunningProgram
from deploy.stack.redis import OWNER, redis_part, redis_url

NAMES = ("kafka", "redis", "clickhouse")


async def run(specs: list[ProgramSpec], logs: Path, announcement: dict[str, str]) -> int:
    """Start all, announce them, stop them in reverse order at a signal.

    1 where one fails or ends by itself.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    programs: list[RunningProgram] = []
    code = 0
    try:
        for spec in specs:
            program = await RunningProgram.start(spec, logs)
            programs.append(program)  # one by one: what was started is stopped even where a later one fails
        await asyncio.gather(*(program.wait_ready() for program in programs))
        print(json.dumps(announcement), flush=True)
        waits = {asyncio.ensure_future(program.process.wait()): program.spec.name for program in programs}
        stop = asyncio.ensure_future(stopping.wait())
        done, _ = await asyncio.wait({stop, *waits}, return_when=asyncio.FIRST_COMPLETED)
        for ended in done - {stop}:
            print(f"{waits[ended]} ended by itself; its log is in {logs}", file=sys.stderr)
            code = 1
    except PartFailed as error:
        print(error, file=sys.stderr)
        code = 1
    finally:
        for program in reversed(programs):
            with contextlib.suppress(ProcessLookupError):
                await program.stop()
    return code


def main() -> None:
    """Read the options, run, exit with run's code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    for name in NAMES:
        parser.add_argument(f"--{name}-port", type=int, default=0, help="0 (default): a free one")
    parser.add_argument("--only", choices=NAMES, action="append", help="start these alone (repeatable)")
    parser.add_argument(
        "--tenant-table", action="append", default=[], help="database.table that ClickHouse's readers see too"
    )
    parser.add_argument("--database", default=DATABASE, help="the database of ClickHouse's readers")
    arguments = parser.parse_args()
    wanted = arguments.only or list(NAMES)
    ports = {name: getattr(arguments, f"{name}_port") or free_port() for name in wanted}
    home = arguments.home
    make_secret(home)
    password = Settings(home=home).store_password("infra")
    makers: dict[str, Callable[[int], tuple[str, str, ProgramSpec]]] = {
        "kafka": lambda port: ("kafka", f"localhost:{port}", kafka_part(home, port)),
        "redis": lambda port: (
            "redis_url",
            redis_url(port, password, OWNER),
            redis_part(home, port, owner_password=password, password=password),
        ),
        "clickhouse": lambda port: (
            "clickhouse_url",
            clickhouse_url(port, password),
            clickhouse_part(
                home, port, password, database=arguments.database, tenant_tables=arguments.tenant_table
            ),
        ),
    }
    try:
        made = [makers[name](ports[name]) for name in wanted]
    except PartFailed as error:
        sys.exit(str(error))
    announcement = {key: url for key, url, _ in made}
    sys.exit(asyncio.run(run([spec for _, _, spec in made], home / "logs", announcement)))


if __name__ == "__main__":
    main()
