"""The supervisor over small programs: order, restarts, giving up, stopping, and what dies with it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.stack.ports import free_port, port_taken
from deploy.stack.program import PartFailed, ProgramSpec, RunningProgram, answers, ask_health, http_ok
from deploy.stack.supervisor import FIRST_TRIES, StartFailed, Supervisor

SERVE = (
    "import http.server as h, sys; "
    "h.HTTPServer(('127.0.0.1', int(sys.argv[1])), h.SimpleHTTPRequestHandler).serve_forever()"
)


def serving(name: str, port: int, *, after: tuple[str, ...] = ()) -> ProgramSpec:
    async def ready() -> bool:
        return await http_ok(port, "/")

    return ProgramSpec(
        name=name, argv=[sys.executable, "-c", SERVE, str(port)], ready=ready, after=after, start_seconds=60
    )


def failing(name: str, code: str) -> ProgramSpec:
    async def ready() -> bool:
        return False

    return ProgramSpec(name=name, argv=[sys.executable, "-c", code], ready=ready, start_seconds=60)


async def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - another process's state has no event
            await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_parts_start_after_what_they_need_and_steps_run_between(tmp_path: Path) -> None:
    order: list[str] = []

    async def step() -> None:
        order.append(supervisor.programs["store"].state)
        order.append(supervisor.programs["app"].state)

    specs = [serving("store", free_port()), serving("app", free_port(), after=("step", "store"))]
    supervisor = Supervisor(specs, tmp_path, order.append)
    await supervisor.start({"step": step})
    assert order == ["ready", "waiting"]
    assert supervisor.steady
    status = json.loads((tmp_path / "status.json").read_bytes())
    assert [(program["name"], program["state"]) for program in status["parts"]] == [
        ("store", "ready"),
        ("app", "ready"),
    ]
    await supervisor.stop()
    assert {program.state for program in supervisor.programs.values()} == {"stopped"}
    await supervisor.stop()


async def test_a_part_stops_before_those_that_it_needs_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = replace(serving("agent", free_port()), stops_before=("decider",))
    supervisor = Supervisor([agent, serving("decider", free_port())], tmp_path, lambda _: None)
    await supervisor.start({})
    stopped: list[str] = []
    for name in supervisor.programs:
        stop = supervisor._running[name].stop

        async def noting(name: str = name, stop: Callable[[], Awaitable[None]] = stop) -> None:
            await stop()
            stopped.append(name)

        monkeypatch.setattr(supervisor._running[name], "stop", noting)
    await supervisor.stop()
    assert stopped == ["agent", "decider"]


async def test_a_killed_part_is_started_again_and_said(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor([serving("store", free_port())], tmp_path, said.append)
    await supervisor.start({})
    first = supervisor.programs["store"].pid
    os.kill(first, signal.SIGKILL)
    await until(lambda: supervisor.steady and supervisor.programs["store"].pid != first)
    assert said == ["store ended (signal 9); starting it again in 0.1 s"]
    assert supervisor.programs["store"].restarts == 1
    stop = asyncio.Event()
    stop.set()
    await supervisor.watch(stop)
    await supervisor.stop()


async def test_a_part_that_never_comes_up_ends_the_start_with_its_own_words(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor([failing("store", "raise SystemExit('no disk')")], tmp_path, said.append)
    with pytest.raises(StartFailed, match="no disk"):
        await supervisor.start({})
    assert len(said) == FIRST_TRIES - 1
    await supervisor.stop()


async def test_a_failing_step_ends_the_start(tmp_path: Path) -> None:
    async def step() -> None:
        raise StartFailed("topics differ")

    supervisor = Supervisor([serving("store", free_port())], tmp_path, print)
    with pytest.raises(StartFailed, match="topics differ"):
        await supervisor.start({"step": step})
    pid = supervisor.programs["store"].pid
    await supervisor.stop()
    assert not alive(pid)


async def test_what_cannot_be_executed_says_so(tmp_path: Path) -> None:
    async def ready() -> bool:
        return True

    with pytest.raises(PartFailed, match="store cannot be started"):
        await RunningProgram.start(ProgramSpec(name="store", argv=["/no/such"], ready=ready), tmp_path)


async def test_a_part_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    port = free_port()
    spec = serving("stubborn", port)
    code = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SERVE}"
    stubborn = ProgramSpec(
        name="stubborn", argv=[sys.executable, "-c", code, str(port)], ready=spec.ready, stop_seconds=0.3
    )
    program = await RunningProgram.start(stubborn, tmp_path)
    await program.wait_ready()
    await program.stop()
    assert program.process.returncode == -signal.SIGKILL


async def test_a_part_that_has_ended_and_is_not_known_to_have_can_be_killed(tmp_path: Path) -> None:
    """Its end is collected by another thread, and told to the event loop after it."""
    program = await RunningProgram.start(ProgramSpec(name="brief", argv=["/bin/true"]), tmp_path)
    deadline = time.monotonic() + 60
    while Path(f"/proc/{program.process.pid}").exists():  # noqa: ASYNC240 - the loop must not hear of it
        assert time.monotonic() < deadline
        time.sleep(0.01)  # noqa: ASYNC251 - likewise
    program.kill()
    assert await program.process.wait() == 0


def test_parts_die_with_their_supervisor_however_it_ends(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from tests.deploy.test_supervisor import serving\n"
        "from deploy.stack.supervisor import Supervisor; from deploy.stack.ports import free_port\n"
        "async def main():\n"
        "    s = Supervisor([serving('store', free_port())], Path(sys.argv[1]), print)\n"
        "    await s.start({}); print(s.programs['store'].pid, flush=True); await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    with subprocess.Popen(  # noqa: S603 - the code above
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as up:
        assert up.stdout is not None
        child = int(up.stdout.readline())
        assert alive(child)
        up.kill()
    deadline = time.monotonic() + 60
    while alive(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)


async def test_health_of_nobody_is_empty() -> None:
    port = free_port()
    assert not port_taken(port)
    assert await ask_health(port) == {}
    assert not await answers(port, b"PING\r\n", b"+PONG")


async def test_a_worker_that_still_folds_is_not_ready(tmp_path: Path) -> None:
    port = free_port()
    code = (
        "import sys, time; from deploy.admin import serve_admin; begun = time.monotonic()\n"
        "folded = lambda: time.monotonic() > begun + 0.5\n"
        "serve_admin('127.0.0.1', int(sys.argv[1]), lambda: {'ok': True, 'settled': folded()})\n"
        "time.sleep(60)"
    )
    spec = ProgramSpec(
        name="worker",
        argv=[sys.executable, "-c", code, str(port)],
        stop_seconds=2,
        admin_port=port,
    )
    program = await RunningProgram.start(spec, tmp_path)
    await program.wait_ready()
    assert (await ask_health(port))["settled"]
    await program.stop()


async def test_a_part_is_not_ready_by_the_word_of_another_on_its_port(tmp_path: Path) -> None:
    port = free_port()
    code = "import sys, time; from deploy.admin import serve_admin; "
    serve = code + "serve_admin('127.0.0.1', int(sys.argv[1]), lambda: {'ok': True}); time.sleep(60)"
    first, second = (
        ProgramSpec(
            name=name,
            argv=[sys.executable, "-c", text, str(port)],
            start_seconds=seconds,
            stop_seconds=2,
            admin_port=port,
        )
        for name, text, seconds in (("first", serve, 30.0), ("second", "import time; time.sleep(60)", 0.5))
    )
    holder = await RunningProgram.start(first, tmp_path)
    await holder.wait_ready()
    assert await ask_health(port) == {"pid": holder.process.pid, "ok": True}
    other = await RunningProgram.start(second, tmp_path)
    with pytest.raises(PartFailed, match=r"second was not ready in 0 s"):
        await other.wait_ready()
    await other.stop()
    await holder.stop()
