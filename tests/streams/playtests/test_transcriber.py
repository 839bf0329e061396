from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from streams.playtests.transcriber import Transcriber, TranscriberFailed, Transcript

URL = "http://localhost:4000/objects/submissions/s/slot/up.mp4?signature=5ec2e7"


def transcriber(code: str, *, run_s: float = 20.0, output_bytes_max: int = 10_000) -> Transcriber:
    command = [sys.executable, "-c", f"import os, sys, json, time, subprocess\n{code}"]
    environment = {"PATH": os.environ["PATH"]}
    return Transcriber(command, environment, run_s=run_s, output_bytes_max=output_bytes_max)


async def test_its_output_is_the_transcript_of_the_recording_it_is_given() -> None:
    code = (
        "text = os.environ['RECORDING_URL'] + ' ' + os.environ['RECORDING_TYPE'] + ' ' + sys.stdin.read()\n"
        "print(json.dumps({'version': 'claude', 'text': text, 'keyTakeaways': ['Too dark']}))"
    )
    found = await transcriber(code).run(URL, "video/mp4")
    assert found == Transcript("claude", f"{URL} video/mp4 ", ["Too dark"])


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (
            "sys.exit('no speech at ' + os.environ['RECORDING_URL'])",
            r"ended with 1: no speech at \$RECORDING_URL$",
        ),
        ("print('text')", "can't be read"),
        ("print('{}')", "can't be read: Object missing required field `version`"),
        ("print(json.dumps({'version': '../x', 'text': 'a'}))", "can't be read"),
        ("print(json.dumps({'version': 'a', 'text': ''}))", "can't be read"),
        ("print(json.dumps({'version': 'a', 'text': 'a', 'keyTakeaways': ['']}))", "can't be read"),
        ("sys.stdout.buffer.write(b'\\xff')", "can't be read"),
        ("print('x' * 10_000)", "printed more than 10,000 bytes"),
        ("while True: print('x')", "printed more than 10,000 bytes"),
        ("os.kill(os.getpid(), 9)", "ended with -9"),
    ],
)
async def test_any_other_end_is_a_failure_that_says_why(code: str, told: str) -> None:
    with pytest.raises(TranscriberFailed, match=told) as failed:
        await transcriber(code).run(URL, "video/mp4")
    assert "5ec2e7" not in str(failed.value)


async def test_what_is_not_there_is_a_failure() -> None:
    with pytest.raises(TranscriberFailed, match="can't be started"):
        await Transcriber(["/no/such/command"], {}).run(URL, "video/mp4")


async def test_a_transcript_has_an_end() -> None:
    code = "print(json.dumps({'version': 'a', 'text': 'x' * (2**20 + 1)}))"
    with pytest.raises(TranscriberFailed, match="at most 1,048,576 bytes"):
        await transcriber(code, output_bytes_max=2**22).run(URL, "video/mp4")


async def test_one_that_does_not_end_is_ended_with_its_children(tmp_path: Path) -> None:
    child = tmp_path / "child"
    code = (
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(child)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(600)"
    )
    with pytest.raises(TranscriberFailed, match="did not end within 2 s"):
        await transcriber(code, run_s=2.0).run(URL, "video/mp4")
    await gone(int(child.read_text()))


async def test_a_process_that_stops_takes_it_along(tmp_path: Path) -> None:
    started = tmp_path / "started"
    code = f"open({str(started)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    running = asyncio.create_task(transcriber(code).run(URL, "video/mp4"))
    async with asyncio.timeout(20):
        while not started.exists() or not started.read_text():  # noqa: ASYNC110 - another process's state has no event
            await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await gone(int(started.read_text()))


async def gone(pid: int) -> None:
    """Wait until a killed process is one no more; a zombie of another parent counts as gone."""
    async with asyncio.timeout(10):
        while _runs(pid):  # noqa: ASYNC110 - another process's state has no event
            await asyncio.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
