"""Real Kafka, Redis and ClickHouse for tests: started once a session, each only when a test asks for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from deploy.stack.ports import free_port, free_ports
from deploy.stack.program import die_with
from schemas.liveops.noun import LIVEOPS_COMMANDS
from schemas.playtests.noun import PLAYTESTS_COMMANDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@contextmanager
def infra(home: Path, name: str, *options: str) -> Iterator[str]:
    """One store on a free port; yields its URL (for kafka: host:port), ends it afterwards."""
    command = [sys.executable, "-m", "deploy.stack.infra", "--home", str(home), "--only", name, *options]
    with ended_process(command, 60) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{name} did not start; its log is in {home}/logs")
        (url,) = json.loads(line).values()
        yield str(url)


@contextmanager
def ended_process(
    command: list[str], seconds: float, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A process, its output in a pipe; it gets SIGTERM however the block is left, while it starts too.

    It ends with this process, however that ends, and so does what it has started itself.
    """
    with subprocess.Popen(  # noqa: S603 - our own modules
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if environment else None,
        text=True,
        env=environment,
        preexec_fn=partial(die_with, os.getpid()),  # noqa: PLW1509 - it calls the kernel alone
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(seconds)


class QuestlogStack:
    """A running stack with the demo studios loaded, as `questlog up --demo` leaves it. No bots play."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.demo: dict[str, Any] = json.loads((home / "demo.json").read_bytes())
        self.base_url: str = self.demo["base_url"]

    def parts(self) -> dict[str, dict[str, Any]]:
        """The supervisor's word on each part, by name: pid, state, restarts, admin_port."""
        status = json.loads((self.home / "status.json").read_bytes())
        return {part["name"]: part for part in status["parts"]}


@contextmanager
def questlog_up(
    home: Path, *options: str, environment: Mapping[str, str] | None = None
) -> Iterator[QuestlogStack]:
    """`questlog up --demo` on free ports; stopped by SIGTERM, and the exit code must be 0.

    It runs game servers of one region, and is the last host to get builds: tests make up hosts of others.
    Live-ops and playtests have as many partitions as in production, so that what spans partitions is tested.
    Webhooks may go to this machine, where tests listen for them.
    """
    ports = {
        name: str(free_port()) for name in ("--port", "--kafka-port", "--redis-port", "--clickhouse-port")
    }
    command = [sys.executable, "-m", "deploy.cli", "up", "--demo", "--no-play", "--home", str(home)]
    command += [word for pair in ports.items() for word in pair] + list(options)
    variables = {
        **os.environ,
        "QUESTLOG_PARTITIONS_LIVEOPS": str(LIVEOPS_COMMANDS.partitions),
        "QUESTLOG_PARTITIONS_PLAYTESTS": str(PLAYTESTS_COMMANDS.partitions),
        "QUESTLOG_WEBHOOK_NETWORKS": "127.0.0.0/8",
        "QUESTLOG_FLEET_HOST": "this-machine",
        "QUESTLOG_FLEET_REGIONS": "eu-west",
        "QUESTLOG_FLEET_PORTS": "{}-{}".format(*free_ports(100)),
        **(environment or {}),
    }
    with ended_process(command, 90, variables) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("dashboard: "):
                break
        else:
            raise RuntimeError("the stack did not start:\n" + "".join(said))
        drain = threading.Thread(target=process.stdout.read, daemon=True)
        drain.start()
        yield QuestlogStack(home)
    drain.join()
    assert process.returncode == 0


class SharedStack:
    """One `questlog_up` for several files: it starts when the first asks, and is ended before others."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._open = ExitStack()
        self._running: QuestlogStack | None = None

    def running(self) -> QuestlogStack:
        """The stack, which goes on until `end`."""
        if self._running is None:
            self._running = self._open.enter_context(questlog_up(self._home))
        return self._running

    def end(self) -> None:
        """End it; its exit code must be 0. Twice is as once."""
        self._running = None
        self._open.close()
