"""What every driver promises, on the real thing: the parameter is the driver."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from deploy.stack.ports import free_port
from streams.fleet.host.attempts import Attempts
from streams.fleet.host.commands import run
from streams.fleet.host.driver import Exit
from streams.fleet.host.launch import Port
from streams.fleet.host.place import BUILDS_GID
from streams.fleet.host.process import ProcessDriver
from streams.fleet.host.processes import alive, send, with_variable
from tests.streams.fleet.host.world import PYTHON, World, until

WAITS = "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done"


def test_the_exit_code_and_both_streams_are_noted(world: World) -> None:
    attempt = world.start(world.script("echo out; echo err >&2; exit 3"))
    assert world.end(attempt) == Exit(3), world.errors(attempt)
    assert world.output(attempt) == "out\n"
    assert "err\n" in world.errors(attempt)
    assert not world.driver.adopt(attempt)


def test_a_stop_signal_reaches_the_server(world: World) -> None:
    attempt = world.start(world.script(WAITS))
    until(lambda: "up" in world.output(attempt), what=lambda: world.errors(attempt))
    until(lambda: world.driver.server(attempt) is not None)  # runc tells who it is a moment later
    assert world.driver.adopt(attempt)
    assert world.driver.ended(attempt) is None
    assert world.driver.signal(attempt, signal.SIGTERM)
    assert world.end(attempt).code == 7
    assert not world.driver.signal(attempt, signal.SIGTERM)


def test_a_server_without_a_handler_ends_at_the_signal(world: World) -> None:
    attempt = world.start(world.script("echo up; exec sleep 1000"))
    until(lambda: "up" in world.output(attempt), what=lambda: world.errors(attempt))
    until(lambda: world.driver.server(attempt) is not None)
    assert world.driver.signal(attempt, signal.SIGTERM)
    assert world.end(attempt).code == 128 + signal.SIGTERM


def test_a_kill_ends_the_whole_tree_also_what_left_its_session(world: World) -> None:
    text = "trap '' TERM; setsid sleep 998 & setsid -f sleep 997; sleep 999 & echo up; wait"
    attempt = world.start(world.script(text))
    until(lambda: "up" in world.output(attempt), what=lambda: world.errors(attempt))
    until(lambda: world.driver.server(attempt) is not None)
    server = attempt.server()
    assert server is not None
    mine = with_variable(f"QUESTLOG_ATTEMPT={attempt.id}")
    assert len(mine - {attempt.parent()}) >= 4
    world.driver.kill(attempt)
    assert world.driver.ended(attempt) == Exit(137)
    assert not alive(server)
    assert with_variable(f"QUESTLOG_ATTEMPT={attempt.id}") == set()


def test_an_attempt_is_started_once_whoever_tries(world: World) -> None:
    attempt = world.attempts.make(world.script("echo begun; sleep 1000"), driver="", now_ms=0)
    world.driver.prepare(attempt, None)
    begun: list[bool] = []
    threads = [threading.Thread(target=lambda: begun.append(world.driver.start(attempt))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(begun) == [False] * 7 + [True]
    until(lambda: "begun" in world.output(attempt), what=lambda: world.errors(attempt))
    world.driver.kill(attempt)
    assert not world.driver.start(attempt)
    assert world.output(attempt) == "begun\n"


@pytest.mark.parametrize("half_made", ["a file alone", "a namespace without its link"])
def test_what_an_agent_has_left_half_made_of_a_network_is_made_anew(world: World, half_made: str) -> None:
    if isinstance(world.driver, ProcessDriver):  # its servers are in the host's network
        return
    attempt = world.attempts.make(world.script("exit 3"), driver="", now_ms=0)
    namespace = world.driver.namespace(attempt)
    assert namespace is not None
    if half_made == "a file alone":
        namespace.touch()
    else:
        run("ip", "netns", "add", namespace.name)
    world.driver.prepare(attempt, None)
    assert world.driver.start(attempt)
    assert world.end(attempt) == Exit(3), world.errors(attempt)


def test_a_folder_is_read_again_as_it_was_made(world: World) -> None:
    launch = world.script("exit 0", environment={"A": "b c"}, ports=(Port("game", 7777, 31_777, "udp"),))
    attempt = world.attempts.make(launch, driver="x", now_ms=5)
    again = Attempts(world.root).get(attempt.id)
    assert again is not None
    assert again.spec == attempt.spec
    assert world.attempts.make(launch, driver="y", now_ms=6).spec == attempt.spec
    assert world.driver.ended(attempt) is None
    assert not world.driver.adopt(attempt)


def test_a_server_whose_parent_was_killed_is_still_known_and_can_be_ended(world: World) -> None:
    attempt = world.start(world.script(WAITS))
    until(lambda: "up" in world.output(attempt), what=lambda: world.errors(attempt))
    until(lambda: world.driver.server(attempt) is not None)
    server, parent = attempt.server(), attempt.parent()
    assert server is not None
    assert parent is not None
    assert send(parent, signal.SIGKILL)
    until(lambda: not attempt.locked())
    if alive(server):
        assert world.driver.adopt(attempt)
        assert world.driver.ended(attempt) is None
        world.driver.kill(attempt)
    assert world.end(attempt) == Exit(137)
    assert not alive(server)


def test_variables_and_words_arrive_as_they_were_given(world: World) -> None:
    value, port = "a'b\"c $HOME `id` ü", free_port()
    attempt = world.start(
        world.script(
            'printf "%s|" "$WORD" "$AGAIN" "$1" "$2";'
            'printf "%s|" "$QUESTLOG_PORT_GAME" "$QUESTLOG_EXTERNAL_PORT_GAME"; pwd',
            environment={"WORD": value, "AGAIN": "two\nlines"},
            startup_args='name "one ${WORD}" ${NONE}',
            ports=(Port("game", 7777, port, "udp"),),
        )
    )
    assert world.end(attempt).code == 0, world.errors(attempt)
    found = world.output(attempt).split("|")
    bound = world.driver.ports(attempt)[0].internal
    assert found[:4] == [value, "two\nlines", f"one {value}", ""]
    assert found[4:6] == [str(bound), str(port)]
    assert found[6].strip() == {
        "process": "/run/questlog-fleet/game",
        "plain": str(attempt.folder / "game"),
    }.get(world.kind, "/game")


def test_the_build_is_the_working_directory_and_may_be_written_without_changing_it(
    world: World, tmp_path: Path
) -> None:
    build = tmp_path / "build"
    (build / "data").mkdir(parents=True)
    (build / "data/level").write_text("one")
    (build / "serve").write_text(
        "#!/bin/sh\ncat data/level; echo two >data/level; cat data/level; echo x >new"
    )
    (build / "serve").chmod(0o755)
    share(build)
    attempt = world.start(world.launch("serve"), build)
    assert world.end(attempt).code == 0, world.errors(attempt)
    assert world.output(attempt) == "onetwo\n"
    assert (build / "data/level").read_text() == "one"
    assert not (build / "new").exists()


def test_a_program_that_is_not_there_is_an_exit_of_127(world: World) -> None:
    attempt = world.start(world.launch("no-such-program"))
    assert world.end(attempt).code == 127, world.errors(attempt)
    assert "no-such-program" in world.errors(attempt)


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_bound_ports_are_seen_once_they_are_bound(world: World, protocol: str) -> None:
    kind = "SOCK_DGRAM" if protocol == "udp" else "SOCK_STREAM"
    program = (
        "import os, socket, time, sys; s = socket.socket(socket.AF_INET, socket." + kind + ");"
        "sys.stdin.readline(); s.bind(('', int(os.environ['QUESTLOG_PORT_GAME'])));"
        "s.type == socket.SOCK_STREAM and s.listen(); print('bound', flush=True); time.sleep(1000)"
    )
    ports = (Port("game", 7777, free_port(), protocol),)  # type: ignore[arg-type]
    attempt = world.start(world.launch(PYTHON, "-c", program, ports=ports))
    until(lambda: "bound" in world.output(attempt), what=lambda: world.errors(attempt))
    mine = world.driver.ports(attempt)[0]
    assert (protocol, mine.internal) in world.driver.bound(attempt)
    world.driver.kill(attempt)
    assert world.driver.bound(attempt) == set()


def share(build: Path) -> None:
    """As the cache unpacks it: its group may write."""
    for path in (build, *build.rglob("*")):
        if os.geteuid() == 0:
            os.chown(path, 0, BUILDS_GID)
        mode = path.stat().st_mode
        path.chmod(mode | (mode & 0o700) >> 3)
