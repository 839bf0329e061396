import asyncio
import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.fleet.builds.refused import BuildRefused
from streams.fleet.builds.sandbox import BUILD_USER, Sandbox, SandboxFailed
from tests.streams.fleet.builds.processes import PYTHON, descendants, nothing_left_behind
from tests.streams.fleet.builds.zips import Item, Lines, archive, process, script

SHA = "0" * 64
CONFINED = '{"type":"confined","missing":[]}'
MADE = json.dumps(
    {
        "type": "made",
        "sha256": SHA,
        "size_bytes": 1,
        "unpacked_bytes": 1,
        "files": 1,
        "executable_path": "run",
    }
)
PROBE = """
import ctypes, json, os, socket, sys
from streams.fleet.builds import child
import msgspec

request = msgspec.json.decode(sys.stdin.buffer.readline(), type=child.Request)
found = {"missing": child._confine(request), "user": os.getuid() if False else None}
def told(name, call):
    try:
        found[name] = repr(call())
    except BaseException as error:
        found[name] = type(error).__name__
told("passwd", lambda: open("/etc/passwd").read())
told("root", lambda: os.listdir("/"))
told("write", lambda: open("/x", "w"))
told("socket", lambda: socket.socket())
told("fork", os.fork)
told("exec", lambda: os.execv("/bin/sh", ["sh"]))
told("kill", lambda: os.kill(request.parent, 0))
told("setuid", lambda: os.setuid(0))
told("ptrace", lambda: ctypes.CDLL(None).ptrace(16, request.parent, 0, 0))
told("memory", lambda: bytearray(2**30))
told("environment", lambda: dict(os.environ))
os.write(1, json.dumps(found).encode())
"""


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    path = tmp_path / "empty"
    path.mkdir(mode=0o555)
    return path


@pytest.fixture
def upload(tmp_path: Path) -> Iterator[int]:
    path = tmp_path / "upload.zip"
    path.write_bytes(
        archive(script(), *[Item(b"f%d" % number, os.urandom(500_000), method=0) for number in range(30)])
    )
    file = os.open(path, os.O_RDONLY)
    yield file
    os.close(file)


@pytest.fixture
def output(tmp_path: Path) -> Iterator[int]:
    file = os.open(tmp_path / "artefact", os.O_RDWR | os.O_CREAT)
    yield file
    os.close(file)


async def test_the_child_makes_what_is_made_here(
    empty: Path, upload: int, output: int, tmp_path: Path
) -> None:
    log = Lines()
    with nothing_left_behind(empty):
        made = await Sandbox(empty).archive(upload, "run", output, log)
    here, artefact = process((tmp_path / "upload.zip").read_bytes(), tmp_path)
    assert made == here
    assert (tmp_path / "artefact").read_bytes() == artefact
    assert [step for _, step, _ in log.told] == ["validate", "validate", "archive"]


async def test_what_is_refused_there_is_refused_here(empty: Path, output: int, tmp_path: Path) -> None:
    path = tmp_path / "hostile.zip"
    path.write_bytes(archive(script(), Item(b"../x")))
    with (
        path.open("rb") as file,
        nothing_left_behind(empty),
        pytest.raises(BuildRefused, match=r"holds '\.\.'"),
    ):
        await Sandbox(empty).archive(file.fileno(), "run", output, Lines())


def test_the_child_is_alone(empty: Path) -> None:
    request = {
        "task": "archive",
        "parent": os.getpid(),
        "user": BUILD_USER,
        "empty": str(empty),
        "input": 0,
        "output": 1,
        "executable_path": "",
        "memory_bytes": 2**29,
        "file_bytes": 1000,
        "cpu_s": 10,
    }
    done = subprocess.run(  # noqa: S603 - the probe above
        [*PYTHON, "-c", PROBE],
        input=json.dumps(request) + "\n",
        capture_output=True,
        text=True,
        env={},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    environment = json.loads(found.pop("environment").replace("'", '"'))
    assert set(environment) <= {"LC_CTYPE"}
    missing = found.pop("missing")
    del found["user"]
    assert found.pop("memory") == "MemoryError"
    assert found.pop("root") in {"[]", "PermissionError"}
    assert found.pop("ptrace") == "-1"
    assert set(found.values()) <= {"PermissionError", "FileNotFoundError"}, (found, missing)
    if os.geteuid() == 0:
        assert "own user" not in missing


async def test_a_child_that_hangs_is_ended_with_all_it_started(empty: Path, upload: int, output: int) -> None:
    hanging = (
        *PYTHON,
        "-c",
        "import subprocess, time; subprocess.Popen(['sleep', '1000']); time.sleep(1000)",
    )
    with nothing_left_behind(empty), pytest.raises(SandboxFailed, match=r"within 0\.5 s"):
        await Sandbox(empty, command=hanging, deadline_s=0.5).archive(upload, "run", output, Lines())


async def test_a_child_ends_when_its_task_is_cancelled(empty: Path, upload: int, output: int) -> None:
    before = descendants()
    with nothing_left_behind(empty):
        task = asyncio.create_task(Sandbox(empty).archive(upload, "run", output, Lines()))
        async with asyncio.timeout(30):
            while descendants() <= before:  # noqa: ASYNC110 - a process has no event
                await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_child_that_is_killed_is_a_failure_that_may_pass(
    empty: Path, upload: int, output: int
) -> None:
    before = descendants()  # the stores that tests share are among them

    def kill(*_: object) -> None:
        for child in descendants() - before:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    with nothing_left_behind(empty), pytest.raises(SandboxFailed, match="by signal 9"):
        await Sandbox(empty).archive(upload, "run", output, kill)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ([], "ended with 0"),
        ([CONFINED], "ended with 0"),
        (["nonsense"], "can't be read"),
        (["{}"], "can't be read"),
        (['{"type":"made"}'], "can't be read"),
        ([MADE.replace("run", "r" * 2000)], "can't be read"),
        ([MADE.replace(SHA, "../" + SHA[3:])], "can't be read"),
        ([MADE.replace('"files": 1', '"files": 60000000')], "can't be read"),
        (['{"type":"log","level":"info","step":"validate","message":"' + "m" * 1001 + '"}'], "can't be read"),
        (['{"type":"log","level":"info","step":"other","message":"m"}'], "can't be read"),
        (["x" * 100_000], "can't be read"),
        ([MADE, MADE], "more than it should"),
        ([MADE, CONFINED], "more than it should"),
        ([CONFINED] * 1001, "more than it should"),
    ],
)
async def test_what_a_child_says_is_not_trusted(
    empty: Path, upload: int, output: int, said: list[str], why: str
) -> None:
    saying = (*PYTHON, "-c", f"print(end={''.join(line + chr(10) for line in said)!r})")
    with nothing_left_behind(empty), pytest.raises(SandboxFailed, match=why):
        await Sandbox(empty, command=saying).archive(upload, "run", output, Lines())


async def test_a_weaker_sandbox_is_warned_of_once(
    empty: Path, upload: int, output: int, caplog: pytest.LogCaptureFixture
) -> None:
    weak = CONFINED.replace("[]", '["no network"]')
    sandbox = Sandbox(empty, command=(*PYTHON, "-c", f"print({weak!r}); print({MADE!r})"))
    for _ in range(2):
        await sandbox.archive(upload, "run", output, Lines())
    assert sandbox.missing == ("no network",)
    warned = [record.message for record in caplog.records if "weaker sandbox" in record.message]
    assert len(warned) == 1
    assert "without: no network. Run" in warned[0]


async def test_without_root_a_build_is_processed_all_the_same(empty: Path, upload: int, output: int) -> None:
    """As the image in production runs: as another user, perhaps without namespaces."""
    other = (
        "pass"
        if os.geteuid()
        else "os.setgroups([]); os.setresgid(61149, 61149, 61149); os.setresuid(61149, 61149, 61149)"
    )
    program = f"import os; from streams.fleet.builds import child; {other}; child.main()"
    sandbox = Sandbox(empty, command=(*PYTHON, "-c", program))
    with nothing_left_behind(empty):
        made = await sandbox.archive(upload, "run", output, Lines())
    assert made.files == 31
    assert "own user" in sandbox.missing
