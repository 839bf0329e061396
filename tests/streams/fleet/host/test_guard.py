"""What is left of a host whose agent was killed and never comes back: nothing, once its time is over."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.stack.ports import free_port
from streams.fleet.host.attempts import Attempts
from streams.fleet.host.driver import IN_USE, Exit
from streams.fleet.host.guard import start_guard
from streams.fleet.host.launch import Port
from streams.fleet.host.place import take_slot
from tests.streams.fleet.host.world import (
    ECHO,
    PYTHON,
    HeldGuard,
    Kind,
    World,
    kinds,
    left_of,
    nothing_left,
    ready,
    until,
)

LIMIT_S = 4


def host(root: Path, kind: Kind, servers: int) -> None:
    """A host as an agent has it: its lock, its guard, and servers of which one dies for its memory."""
    lock = open(root / "agent.lock", "w")  # noqa: SIM115 - held until this process is killed
    fcntl.flock(lock, fcntl.LOCK_EX)
    world = World(root, kind)
    start_guard(root, limit_s=LIMIT_S, driver=world.driver.name)
    if servers:
        game = world.start(world.launch(PYTHON, "-c", ECHO, ports=(Port("game", 7777, free_port(), "udp"),)))
        ready(world, game)
        eats = "data = []\nwhile True: data.append(bytearray(1024 * 1024))"
        hungry = world.start(world.launch(PYTHON, "-c", eats, memory_mib=64))
        world.end(hungry)
    sys.stdout.write("up\n")
    sys.stdout.flush()
    time.sleep(1000)


@pytest.fixture(params=[kind for kind in kinds() if kind != "plain"])
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.mark.parametrize("servers", [0, 2])
def test_nothing_is_left_once_the_time_for_adoption_is_over(tmp_path: Path, kind: Kind, servers: int) -> None:
    with nothing_left(tmp_path, kind):
        slot = take_slot(tmp_path)
        agent = subprocess.Popen(  # noqa: S603 - this file
            [sys.executable, "-m", __name__, str(tmp_path), kind, str(servers)], stdout=subprocess.PIPE
        )
        assert agent.stdout is not None
        with agent.stdout:
            assert agent.stdout.readline() == b"up\n"
            held = HeldGuard(tmp_path)  # else its time may be over before this test looks
            agent.send_signal(signal.SIGKILL)
            agent.wait()
        with held:
            if servers:
                waits = any(attempt.locked() for attempt in Attempts(tmp_path))
                assert waits  # to be adopted
            assert left_of(tmp_path, slot) != []
        until(lambda: left_of(tmp_path, slot) == [], within_s=60, what=lambda: left_of(tmp_path, slot))
        assert not (tmp_path / IN_USE).exists()
        again = World(tmp_path, kind)  # the next agent finds how they ended
        try:
            found = {again.driver.ended(attempt) for attempt in again.attempts}
            assert found == ({Exit(137), Exit(137, out_of_memory=True)} if servers else set())
        finally:
            again.close()


def test_an_agent_that_comes_back_in_time_finds_its_machine_as_it_was(best: World) -> None:
    """The guard, asked to clear it, gives way to the agent's lock."""
    attempt = best.start(best.script("sleep 60"))
    with open(best.root / "agent.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ended = subprocess.run(  # noqa: S603 - a module of ours
            [sys.executable, "-m", "streams.fleet.host.guard", str(best.root), best.driver.name],
            capture_output=True,
            text=True,
            check=False,
        )
    assert (ended.returncode, ended.stderr.strip()) == (1, "an agent has come back")
    assert best.driver.adopt(attempt)
    assert (best.root / IN_USE).exists()


if __name__ == "__main__":
    host(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))  # type: ignore[arg-type] # a Kind
