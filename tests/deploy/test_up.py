"""`questlog up` as a person meets it: ready, restarted, killed, started again on the same home."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from deploy.cli.running_stack import of_home
from deploy.stack.ports import free_port
from tests.outside.game_builds import (
    HOSTED_REGION,
    PORTS,
    echo_zip,
    ready_build,
    running_server,
    upload_build,
)
from tests.outside.projects import Project
from tests.outside.world import World, eventually
from tests.stack import QuestlogStack, questlog_up
from tests.streams.fleet.host.world import kinds, nothing_left
from tests.walking import all_below

pytestmark = pytest.mark.stack


def questlog(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)  # noqa: S603 - our own


def get(url: str) -> Any:
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - the stack's own
        return json.load(answer)


@contextmanager
def project_of(stack: QuestlogStack) -> Iterator[Project]:
    """Who hosts servers on it."""
    world = World(stack.demo)
    try:
        yield Project(world, world.keys["pf"])
    finally:
        world.http.close()
        world.clickhouse.close()


def until(holds: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_second_start_goes_on_where_the_first_stopped(tmp_path: Path) -> None:
    """A game server that restarts comes back, too; in between and afterwards nothing of the host is used."""
    host = tmp_path / "fleet" / "this-machine"
    with nothing_left(host, kinds()[0]), questlog_up(tmp_path) as stack, project_of(stack) as project:
        first = dict(stack.demo)
        assert get(f"{stack.base_url}/readyz")["ready"]
        build = upload_build(project, "echo", echo_zip(), "serve", version="v2")
        ready_build(project, build["build_id"])
        body = {"name": "echo", "region": HOSTED_REGION, "version_tag": "echo", "port_configs": PORTS}
        started = project.ok("POST", "/v3/servers/start", body | {"auto_restart": True}, status=201)
        assert running_server(project, started["instance_id"])["restarts"] == 0
    with nothing_left(host, kinds()[0]), questlog_up(tmp_path) as stack, project_of(stack) as project:
        assert stack.demo["keys"] == first["keys"]
        assert stack.demo["studio"] == first["studio"]
        assert running_server(project, started["instance_id"])["restarts"] == 1
        busy = questlog("up", "--home", str(tmp_path))
        assert busy.returncode == 1
        assert "a stack already runs on" in busy.stderr


def test_every_part_comes_back_after_sigkill(questlog_stack: QuestlogStack) -> None:
    before = questlog_stack.parts()
    for part in before.values():
        os.kill(part["pid"], signal.SIGKILL)

    def recovered() -> bool:
        parts = questlog_stack.parts()
        return all(
            part["state"] == "ready" and part["pid"] != before[name]["pid"] for name, part in parts.items()
        )

    until(recovered, 240)
    until(lambda: questlog("status", "--home", str(questlog_stack.home)).returncode == 0)


def test_status_says_what_runs(questlog_stack: QuestlogStack) -> None:
    def told() -> dict[str, Any]:
        done = questlog("status", "--json", "--home", str(questlog_stack.home))
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def lag_of_redis(status: dict[str, Any]) -> object:
        return next(part["lag"] for part in status["parts"] if part["name"] == "worker-redis")

    # Null where a store did not answer in time.
    status = eventually(told, lambda status: lag_of_redis(status) is not None)
    parts = {part["name"]: part for part in status["parts"]}
    assert status["failing"] == []
    assert {"kafka", "redis", "clickhouse", "edge", "worker-decider", "worker-fleet"} <= parts.keys()
    assert all(set(part) == {"name", "pid", "state", "lag"} for part in parts.values())
    assert isinstance(parts["worker-redis"]["lag"], int)


def test_piped_status_and_sql_are_rows_with_tabs_under_one_line_of_names(
    questlog_stack: QuestlogStack,
) -> None:
    home = str(questlog_stack.home)
    names, *rows = questlog("status", "--home", home).stdout.splitlines()
    assert names.split("\t") == ["part", "state", "pid", "lag", "restarts", "admin port"]
    assert {row.split("\t")[0] for row in rows} == set(questlog_stack.parts())
    assert {len(row.split("\t")) for row in rows} == {6}
    asked = questlog(
        "sql", "SELECT number AS n, concat('a', char(9), 'b') AS text FROM numbers(2)", "--home", home
    )
    assert asked.stdout == "n\ttext\n0\ta\\tb\n1\ta\\tb\n"


def test_status_of_nothing(tmp_path: Path) -> None:
    done = questlog("status", "--json", "--home", str(tmp_path))
    assert (done.returncode, json.loads(done.stdout)) == (3, {"parts": []})
    piped = questlog("status", "--home", str(tmp_path))
    assert (piped.returncode, piped.stdout, piped.stderr) == (3, "", f"nothing runs on {tmp_path}\n")


def test_every_process_shows_metrics_and_health(questlog_stack: QuestlogStack) -> None:
    for part in questlog_stack.parts().values():
        if part["admin_port"]:
            until(lambda port=part["admin_port"]: bool(get(f"http://127.0.0.1:{port}/healthz")["ok"]))  # type: ignore[misc]  # bound early
            with urllib.request.urlopen(f"http://127.0.0.1:{part['admin_port']}/metrics") as answer:
                assert b"python_info" in answer.read()


@pytest.mark.parametrize("option", ["--port", "--kafka-port", "--redis-port", "--clickhouse-port"])
def test_a_taken_port_names_its_option(tmp_path: Path, option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        others = {"--port": "1", "--kafka-port": "2", "--redis-port": "3", "--clickhouse-port": "4"}
        words = [word for pair in (others | {option: port}).items() for word in pair]
        done = questlog("up", "--home", str(tmp_path), *words)
    assert done.returncode == 1
    assert done.stderr == (
        f"questlog: port {port} is taken: choose another with {option} "
        f"(or QUESTLOG_{option[2:].upper().replace('-', '_')})\n"
    )


@pytest.mark.parametrize("home", ["file", "file/below", "/proc/questlog"])
def test_a_home_that_cannot_be_written_is_named(tmp_path: Path, home: str) -> None:
    (tmp_path / "file").touch()
    done = questlog("up", "--home", str(tmp_path / home))
    assert done.returncode == 1
    assert done.stderr.startswith(f"questlog: {tmp_path / home} can't be written (")
    assert done.stderr.count("\n") == 1


def test_a_port_that_is_none_is_told_so(tmp_path: Path) -> None:
    done = questlog("up", "--home", str(tmp_path), "--port", "99999")
    assert (done.returncode, "--port" in done.stderr, "Traceback" in done.stderr) == (2, True, False)


def test_sql_asks_the_running_stack(questlog_stack: QuestlogStack) -> None:
    home = str(questlog_stack.home)
    assert questlog("sql", "SELECT 6 * 7", "--format", "TSV", "--home", home).stdout == "42\n"
    failed = questlog("sql", "SELECT nope", "--home", home)
    assert (failed.returncode, "Code: 47" in failed.stderr) == (1, True)
    late = "SELECT throwIf(number = 2999999) FROM numbers(3000000) SETTINGS max_threads = 1"
    failed = questlog("sql", late, "--format", "TSV", "--home", home)
    assert (failed.returncode, failed.stdout, "Code: 395" in failed.stderr) == (1, "", True)


def test_sql_describes_what_analysts_views_hold(questlog_stack: QuestlogStack) -> None:
    def told(*words: str) -> dict[str, list[str]]:
        done = questlog("sql", "--describe", *words, "--format", "TSV", "--home", str(questlog_stack.home))
        assert done.returncode == 0, done.stderr
        return {line.split("\t")[0]: line.split("\t")[1:] for line in done.stdout.splitlines()}

    assert told()["ledger"] == ["Every movement of every balance and holding, one row each."]
    assert told("ledger")["balance"] == ["Int128", "Balance or holding after it"]
    assert told("questlog.liveops_ledger")["external_id"] == ["String", "Player"]
    unknown = questlog("sql", "--describe", "nothing", "--home", str(questlog_stack.home))
    assert (unknown.returncode, "there is no view nothing" in unknown.stderr) == (1, True)


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except FileNotFoundError:  # stores replace files all the time
        return 0


def test_the_home_is_for_its_owner_alone(questlog_stack: QuestlogStack) -> None:
    home = questlog_stack.home
    for path in [
        home / "settings.json",
        home / "status.json",
        home / "demo.json",
        *(home / "logs").glob("*.log"),
    ]:
        assert path.stat().st_mode & 0o077 == 0, path
    hosting = home / "fleet"  # game servers see some of what is in it, by mounts: nobody else gets there
    assert hosting.stat().st_mode & 0o077 == 0
    others = [
        path
        for path in all_below(home)
        if hosting not in path.parents and path.is_file() and _mode(path) & 0o077
    ]
    assert others == []


def test_the_stores_ask_for_passwords(questlog_stack: QuestlogStack) -> None:
    redis = urlsplit(questlog_stack.demo["redis_url"])
    with socket.create_connection(("localhost", redis.port or 0)) as connection:
        connection.sendall(b"GET anything\r\n")
        assert connection.recv(100).startswith(b"-NOAUTH")
        connection.sendall(f"AUTH {redis.password}\r\n".encode())
        assert connection.recv(100) == b"+OK\r\n"
    clickhouse = urlsplit(questlog_stack.demo["clickhouse_url"])
    assert status_of(f"http://localhost:{clickhouse.port}/?query=SELECT+1") == 403


def test_no_password_is_among_a_programs_arguments_or_in_a_log(questlog_stack: QuestlogStack) -> None:
    passwords = [
        str(urlsplit(questlog_stack.demo[name]).password).encode() for name in ("redis_url", "clickhouse_url")
    ]
    for part in questlog_stack.parts().values():
        shown = Path(f"/proc/{part['pid']}/cmdline").read_bytes() + Path(part["log"]).read_bytes()
        assert not any(password in shown for password in passwords), part["name"]


def test_sql_shows_no_password(questlog_stack: QuestlogStack) -> None:
    failed = questlog("sql", "SELECT 1", "--home", str(questlog_stack.home / "none"))
    assert failed.returncode == 1
    written = {"clickhouse_url": f"http://me:word@localhost:{free_port()}"}
    home = questlog_stack.home / "elsewhere"
    home.mkdir()
    (home / "settings.json").write_text(json.dumps(written))
    failed = questlog("sql", "SELECT 1", "--home", str(home))
    assert (failed.returncode, "does not answer at http://localhost:" in failed.stderr) == (1, True)
    assert "word" not in failed.stderr


@pytest.mark.parametrize(
    ("kind", "own", "foreign"),
    [("gateway", "/api/export", "/api/v1/games"), ("api", "/api/v1/games", "/api/export")],
)
def test_gateway_and_api_run_apart(questlog_stack: QuestlogStack, kind: str, own: str, foreign: str) -> None:
    port, admin_port = free_port(), free_port()
    configured = replace(of_home(questlog_stack.home), port=port, admin_port=admin_port)
    command = [sys.executable, "-m", "deploy.cli", kind]
    environment = {**os.environ, **configured.environment()}
    with subprocess.Popen(command, env=environment) as process:  # noqa: S603 - our own
        until(lambda: healthy(admin_port))
        assert status_of(f"http://127.0.0.1:{port}{own}") in {401, 405}
        assert status_of(f"http://127.0.0.1:{port}{foreign}") == 404
        process.terminate()
        assert process.wait(60) == -signal.SIGTERM  # uvicorn finishes, then ends as the signal would have


def healthy(admin_port: int) -> bool:
    try:
        return bool(get(f"http://127.0.0.1:{admin_port}/healthz")["ok"])
    except OSError:
        return False


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url) as answer:  # noqa: S310 - the stack's own
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code
