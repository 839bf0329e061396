"""The agent against the real decider: servers come, are adopted, stop, and every end is reported once."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.fleet import commands as ask
from schemas.fleet import events as ev
from schemas.fleet.commands import Launch
from schemas.fleet.host_commands import JoinHost
from schemas.fleet.limits import STOP_GRACE_MAX_S
from schemas.fleet.names import host_aggregate, project_aggregate, server_aggregate
from schemas.fleet.views import Server
from streams.fleet.host.driver import IN_USE
from streams.fleet.host.launching import launch_of
from streams.fleet.host.lines import LINES_MEAN_S, LINES_PER_SECOND_MAX
from streams.fleet.host.processes import alive, send
from streams.fleet.host.reporter import Fenced
from streams.fleet.host.root_lock import AgentRunning
from tests.streams.deciders.fleet.given import capacity
from tests.streams.fleet.host.fleet_log import GAME, HOST_ID, STUDIO, Fleet
from tests.streams.fleet.host.world import PYTHON, HeldGuard, World

SERVE = b"""#!PYTHON
import json, os, signal, socket, sys, time, urllib.request
print("begun", os.environ["QUESTLOG_INSTANCE_ID"], flush=True)
config = os.environ["QUESTLOG_SERVER_CONFIG"]
assert os.path.samefile("playflow.json", config)
def say(path, body=b"{}"):
    url = f"http://127.0.0.1:{os.environ['AGONES_SDK_HTTP_PORT']}{path}"
    return urllib.request.urlopen(urllib.request.Request(url, body)).read()
def ended(*_):
    print("ending", flush=True)
    sys.exit(5)
signal.signal(signal.SIGTERM, ended)
what = sys.argv[1] if len(sys.argv) > 1 else ""
if what == "exit":
    sys.exit(9)
if what == "flood":
    os.execv("/bin/sh", ["sh", "flood"])
if what == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if what == "never":
    time.sleep(1000)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", int(os.environ["QUESTLOG_PORT_GAME"])))
if what == "say":
    say("/custom_data", b'{"mode": "duel"}')
print("bound", flush=True)
while True:
    data, who = s.recvfrom(2000)
    if data == b"shutdown":
        say("/shutdown")
    elif data == b"config":
        s.sendto(open(config, "rb").read(), who)
    elif data == b"die":
        os.kill(os.getpid(), signal.SIGKILL)
    else:
        s.sendto(b"got " + data, who)
""".replace(b"PYTHON", PYTHON.encode())

FLOOD = b"""#!/bin/sh
echo first; yes "a line of fifty characters or thereabouts, and no more" | head -n 2000000; echo last
"""


@pytest.fixture
async def fleet(best: World, tmp_path: Path) -> AsyncIterator[Fleet]:
    fleet = Fleet(best, tmp_path)
    await fleet.open({"serve": SERVE})
    # However late a server gets its time on this machine, it ends by its own hand.
    settings = ask.ChangeSettings(stop_grace_s=STOP_GRACE_MAX_S)
    await fleet.log.ask(settings, project_aggregate(STUDIO, GAME))
    yield fleet
    for attempt in best.attempts:
        best.driver.kill(attempt)
        best.driver.clean(attempt)
        attempt.remove()


async def asked(server: Server, data: bytes) -> bytes:
    """What the server answers at its external port."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0)
        asking.connect(("127.0.0.1", server.ports[0].external_port))
        async with asyncio.timeout(60):
            await loop.sock_sendall(asking, data)
            return await loop.sock_recv(asking, 65_536)


async def self_shown(server: Server, status: str) -> dict[str, Any]:
    """What its file says to a server, once that has this status: its agent writes it after the log has it."""
    async with asyncio.timeout(60):
        while (shown := json.loads(await asked(server, b"config")))["status"] != status:  # noqa: ASYNC110 - of a file
            await asyncio.sleep(0.01)
    return dict(shown)


async def tell(server: Server, data: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.sendto(data, ("127.0.0.1", server.ports[0].external_port))


async def test_a_server_runs_is_reached_and_stops(fleet: Fleet) -> None:
    async with fleet.agent() as agent:
        server = await fleet.log.until(
            (await fleet.start(launch=_with("", match_id="m"))).instance_id, "running"
        )
        assert server.isolation == fleet.world.driver.isolation
        assert await asked(server, b"hello") == b"got hello"
        shown = await self_shown(server, "running")
        assert shown["instance_id"] == server.instance_id
        assert shown["match_id"] == "m"
        assert not {"phase", "started_at", "created_at", "machine_id"} & shown.keys()
        await fleet.output(server, "bound")
        await fleet.stop(server)
        stopped = await fleet.log.until(server.instance_id, "stopped")
        assert (stopped.exit_code, stopped.stop_reason) == (5, "API_REQUEST")
        assert fleet.happened(server) == ["placed", "started", "ready", "stopping", "stopped"]
        await fleet.output(server, "ending")
        await gone(lambda: not agent.servings)
        assert (fleet.world.root / IN_USE).exists()
    assert not (fleet.world.root / IN_USE).exists()
    assert fleet.lines(server) == [f"begun {server.instance_id}", "bound", "ending"]
    assert list(fleet.world.attempts) == []


async def test_reasons_of_ends(fleet: Fleet) -> None:
    async with fleet.agent():
        exits = await fleet.start(launch=_with("exit"))
        says = await fleet.start(launch=_with("say"))
        dies = await fleet.start()
        await fleet.log.ask(ask.ChangeSettings(stop_grace_s=1), project_aggregate(STUDIO, GAME))
        stubborn = await fleet.start(launch=_with("stubborn"))  # the others' grace is the fixture's
        stopped = await fleet.log.until(exits.instance_id, "stopped")
        assert (stopped.exit_code, stopped.stop_reason) == (9, "PROCESS_EXITED")
        says = await fleet.log.until(says.instance_id, "running")
        async with asyncio.timeout(60), fleet.log.grown:  # it is ready before it says so
            await fleet.log.grown.wait_for(lambda: fleet.log.server(says.instance_id).custom_data)
        assert fleet.log.server(says.instance_id).custom_data == '{"mode":"duel"}'
        await tell(says, b"shutdown")
        stopped = await fleet.log.until(says.instance_id, "stopped")
        assert (stopped.exit_code, stopped.stop_reason) == (5, "SHUTDOWN_SIGNAL")
        dies = await fleet.log.until(dies.instance_id, "running")
        await tell(dies, b"die")
        stopped = await fleet.log.until(dies.instance_id, "stopped")
        assert (stopped.exit_code, stopped.stop_reason) == (137, "PROCESS_EXITED")
        await fleet.log.until(stubborn.instance_id, "running")
        await fleet.stop(stubborn)
        stopped = await fleet.log.until(stubborn.instance_id, "stopped")
        assert stopped.exit_code == 137


async def test_a_server_that_is_ready_by_its_own_word_is_not_late(fleet: Fleet) -> None:
    async with fleet.agent() as agent:
        server = await fleet.start(launch=_with("never"))
        async with asyncio.timeout(60), fleet.log.grown:
            await fleet.log.grown.wait_for(lambda: "started" in fleet.happened(server))
        aggregate = server_aggregate(STUDIO, GAME, server.instance_id)
        await fleet.log.ask(ask.UpdateServer(instance_id=server.instance_id, ready=True), aggregate)
        assert fleet.log.server(server.instance_id).phase == "running"
        (serving,) = agent.servings.values()
        await gone(lambda: serving.attempt.marked("ready"))
        await fleet.stop(server)
        stopped = await fleet.log.until(server.instance_id, "stopped")
        assert stopped.stop_reason == "API_REQUEST"
    assert fleet.happened(server) == ["placed", "started", "updated", "ready", "stopping", "stopped"]


async def test_a_build_without_its_program_can_not_be_started(best: World, tmp_path: Path) -> None:
    fleet = Fleet(best, tmp_path)
    await fleet.open({"other": b"x"}, executable="missing")
    async with fleet.agent() as agent:
        server = await fleet.start()
        stopped = await fleet.log.until(server.instance_id, "stopped")
        assert stopped.stop_reason == "STARTUP_FAILURE_EXECUTABLE"
        fleet.archives = dict.fromkeys(fleet.archives, b"spoilt")
        fleet.cache._bytes_max = 0
        assert set(fleet.cache.shrink(set())) >= fleet.archives.keys()
        server = await fleet.start()
        stopped = await fleet.log.until(server.instance_id, "stopped")
        assert stopped.stop_reason == "STARTUP_FAILURE_DOWNLOAD"
        assert stopped.exit_code is None
        await gone(lambda: not agent.servings)


async def test_servers_go_on_without_their_agent_and_are_adopted(fleet: Fleet) -> None:
    async with fleet.agent():
        server = await fleet.log.until((await fleet.start()).instance_id, "running")
        other = await fleet.log.until((await fleet.start()).instance_id, "running")
    assert await asked(server, b"alone") == b"got alone"
    await tell(other, b"die")
    (attempt,) = [one for one in fleet.world.attempts if one.launch.instance_id == other.instance_id]
    await gone(lambda: fleet.world.driver.ended(attempt) is not None)
    async with fleet.agent():
        assert (await fleet.log.until(other.instance_id, "stopped")).exit_code == 137
        assert fleet.log.server(server.instance_id).phase == "running"
        assert await asked(server, b"again") == b"got again"
        await fleet.stop(server)
        assert (await fleet.log.until(server.instance_id, "stopped")).exit_code == 5
        await fleet.output(server, "begun")
    assert fleet.happened(server) == ["placed", "started", "ready", "stopping", "stopped"]
    assert fleet.lines(server).count(f"begun {server.instance_id}") == 1


async def test_servers_live_while_the_log_is_away_and_what_happened_is_told_afterwards(fleet: Fleet) -> None:
    async with fleet.agent() as agent:
        stays = await fleet.log.until((await fleet.start()).instance_id, "running")
        dies = await fleet.log.until((await fleet.start()).instance_id, "running")
        ended = agent.servings[f"{dies.instance_id}-1"]
        fleet.log.away = True
        await tell(dies, b"die")
        await gone(lambda: ended.state == "ended" and fleet.log.refused > 20)
        assert fleet.log.server(dies.instance_id).phase == "running"
        assert await asked(stays, b"alone") == b"got alone"
        fleet.log.away = False
        stopped = await fleet.log.until(dies.instance_id, "stopped")
        assert (stopped.exit_code, stopped.stop_reason) == (137, "PROCESS_EXITED")
        assert await asked(stays, b"again") == b"got again"
        await fleet.output(dies, "bound")
    assert fleet.happened(stays) == ["placed", "started", "ready"]
    assert fleet.happened(dies) == ["placed", "started", "ready", "exited", "stopped"]
    assert fleet.lines(dies) == [f"begun {dies.instance_id}", "bound"]


async def test_agent_and_parent_are_killed_and_the_next_agent_finds_and_ends_the_server(fleet: Fleet) -> None:
    async with fleet.agent():
        server = await fleet.log.until((await fleet.start()).instance_id, "running")
    (attempt,) = list(fleet.world.attempts)
    parent, process = attempt.parent(), attempt.server()
    assert parent is not None
    assert process is not None
    assert send(parent, signal.SIGKILL)
    await gone(lambda: not attempt.locked())
    async with fleet.agent() as agent:
        await fleet.stop(server)
        assert (await fleet.log.until(server.instance_id, "stopped")).exit_code == 137
        await gone(lambda: not agent.servings and not alive(process))
    assert fleet.happened(server)[:3] == ["placed", "started", "ready"]
    assert fleet.happened(server).count("stopped") == 1
    assert fleet.lines(server).count(f"begun {server.instance_id}") == 1
    assert list(fleet.world.attempts) == []


AGENT = """
import sys, time
from pathlib import Path
import msgspec
from schemas.fleet.views import LaunchSpec
from streams.fleet.host.attempts import replace
from streams.fleet.host.environment import SERVER_FILE
from streams.fleet.host.launching import launch_of
from tests.streams.fleet.host.world import World
world = World(Path(sys.argv[1]), sys.argv[2])
world.driver.open()
spec = msgspec.json.decode(sys.argv[3], type=LaunchSpec)
until, build = sys.argv[4:6]
attempt = world.attempts.make(launch_of(spec, lambda one: one.sealed), driver="x", now_ms=0)
if until != "folder":
    world.driver.prepare(attempt, Path(build))
    replace(attempt.run_folder / SERVER_FILE, b"{}", mode=0o644)
if until == "process":
    assert world.driver.start(attempt)
print("here", flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize("until", ["folder", "prepared", "process"])
async def test_an_agent_is_killed_at_each_step_and_the_server_runs_once(fleet: Fleet, until: str) -> None:
    if fleet.world.driver.isolation == "process":  # its folder has a port for the SDK
        return
    async with fleet.agent():
        pass
    server = await fleet.start()
    (spec,) = [event.spec for event in fleet.log.events() if isinstance(event, ev.ServerPlaced)]
    build = await fleet._build(launch_of(spec, lambda one: one.sealed))
    arguments = [
        str(fleet.world.root),
        fleet.world.kind,
        msgspec.json.encode(spec).decode(),
        until,
        str(build),
    ]
    dying = await asyncio.create_subprocess_exec(
        sys.executable, "-c", AGENT, *arguments, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[4]
    )
    assert dying.stdout is not None
    assert await dying.stdout.readline() == b"here\n"
    dying.kill()
    await dying.wait()
    async with fleet.agent():
        running = await fleet.log.until(server.instance_id, "running")
        assert await asked(running, b"x") == b"got x"
        await fleet.stop(server)
        await fleet.log.until(server.instance_id, "stopped")
        await fleet.output(server, "ending")
    assert fleet.lines(server) == [f"begun {server.instance_id}", "bound", "ending"]


async def test_what_the_log_has_given_up_is_killed_at_the_next_join(fleet: Fleet) -> None:
    async with fleet.agent():
        server = await fleet.log.until((await fleet.start()).instance_id, "running")
    (attempt,) = list(fleet.world.attempts)
    process = attempt.server()
    assert process is not None
    fresh = Fleet(fleet.world, fleet.world.root / "fresh")
    await fresh.open({"serve": SERVE})
    assert alive(process)
    async with fresh.agent() as agent:
        await gone(lambda: not alive(process) and not agent.servings)
    assert list(fleet.world.attempts) == []
    del server


async def test_an_agent_whose_host_another_serves_ends(fleet: Fleet) -> None:
    server = await _fenced(fleet)
    assert await asked(server, b"x") == b"got x"


async def test_an_agent_whose_host_another_serves_leaves_nothing_where_it_has_no_server(fleet: Fleet) -> None:
    with pytest.raises(Fenced):  # noqa: PT012 - it leaves the block that runs it
        async with fleet.agent():
            assert (fleet.world.root / IN_USE).exists()
            await _another_joins(fleet)
            await fleet.ended()
    assert not (fleet.world.root / IN_USE).exists()


async def _fenced(fleet: Fleet) -> Server:
    with pytest.raises(Fenced):  # noqa: PT012 - it leaves the block that runs it
        async with fleet.agent():
            server = await fleet.log.until((await fleet.start()).instance_id, "running")
            await _another_joins(fleet)
            await fleet.ended()
    return server


async def _another_joins(fleet: Fleet) -> None:
    joining = JoinHost(host_id=HOST_ID, capacity=capacity(regions=["eu-west"]))
    await fleet.log.ask(joining, host_aggregate(HOST_ID), host=True)


async def test_one_agent_serves_a_root(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.fleet.host.root_lock._WAIT_S", 0.2)
    async with fleet.agent():
        with pytest.raises(AgentRunning):
            async with fleet.agent():
                pass


async def test_servers_are_stopped_with_their_host(fleet: Fleet) -> None:
    async with fleet.agent(stop_servers=True):
        server = await fleet.log.until((await fleet.start()).instance_id, "running")
        again = await fleet.start(launch=_with("", auto_restart=True))
        await fleet.log.until(again.instance_id, "running")
    stopped = fleet.log.server(server.instance_id)
    assert (stopped.phase, stopped.stop_reason, stopped.exit_code) == ("stopped", "HOST_STOPPED", 5)
    assert fleet.log.server(again.instance_id).phase == "queued"


def _with(arguments: str, **more: Any) -> Launch:
    return Launch(startup_args=arguments, **more)


async def test_servers_end_that_have_no_agent_for_too_long(fleet: Fleet) -> None:
    async with fleet.agent(away_s=2):
        server = await fleet.log.until((await fleet.start()).instance_id, "running")
        await asyncio.sleep(3)
        assert await asked(server, b"x") == b"got x"
        held = HeldGuard(fleet.world.root)
    with held:  # it can't act yet, however late this test is
        assert await asked(server, b"x") == b"got x"
    (attempt,) = list(fleet.world.attempts)
    await gone(lambda: not fleet.world.driver.adopt(attempt))
    async with fleet.agent():
        stopped = await fleet.log.until(server.instance_id, "stopped")
        assert (stopped.exit_code, stopped.stop_reason) == (137, "PROCESS_EXITED")


async def test_a_flood_of_output_is_counted_not_kept_and_no_harm_to_its_neighbour(
    best: World, tmp_path: Path
) -> None:
    fleet = Fleet(best, tmp_path)
    await fleet.open({"serve": SERVE, "flood": FLOOD})
    began = time.monotonic()
    async with fleet.agent() as agent:
        neighbour = await fleet.log.until((await fleet.start()).instance_id, "running")
        server = await fleet.start(launch=_with("flood"))
        await fleet.output(server, "first")
        await fleet.output(server, "dropped", within_s=120)
        assert await asked(neighbour, b"beside it") == b"got beside it"
        await fleet.log.until(server.instance_id, "stopped", within_s=120)
        await fleet.stop(neighbour)
        await fleet.log.until(neighbour.instance_id, "stopped")
        await gone(lambda: not agent.servings, within_s=120)
    assert fleet.lines(neighbour) == [f"begun {neighbour.instance_id}", "bound", "ending"]
    lines = fleet.lines(server)
    # What it may print at once, and what it may in the time that this machine took; with each drop's notice.
    allowed = LINES_PER_SECOND_MAX * (LINES_MEAN_S + time.monotonic() - began)
    assert sum("dropped" not in line for line in lines) <= allowed
    assert sum(int(line.split()[0]) for line in lines if "dropped" in line) + len(lines) >= 2_000_000


async def gone(true: Callable[[], bool], within_s: float = 60) -> None:
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110 - it looks at the machine
            await asyncio.sleep(0.02)
