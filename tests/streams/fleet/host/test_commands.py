"""Programs that are run: what they say, how they fail, and that a stopped caller does not lose them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from streams.fleet.host import commands
from streams.fleet.host.commands import CommandFailed, run
from streams.fleet.host.processes import stat_fields

WAITS = """
import sys
from pathlib import Path
from streams.fleet.host import commands
commands._LOOKS = 3
script = "given=$(cat); touch $0; sleep 1; echo $given"
print(commands.run("sh", "-c", script, sys.argv[1], given="what was given"), flush=True)
"""


def test_what_a_program_says_and_how_it_fails() -> None:
    assert run("cat", given="a" * 1_000_000) == "a" * 1_000_000
    with pytest.raises(CommandFailed, match=r"sh -c .* ended with 3: no"):
        run("sh", "-c", "echo no >&2; exit 3")
    with pytest.raises(CommandFailed, match="can't be run"):
        run("/nowhere")


def test_a_program_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "_LOOKS", 2)
    monkeypatch.setattr(commands, "_LOOK_S", 0.1)
    with pytest.raises(CommandFailed, match="has not ended"):
        run("sleep", "1000")


async def test_a_program_that_ends_while_its_caller_is_stopped_has_ended(tmp_path: Path) -> None:
    """The caller waits 3 s, and is stopped for more than that, and until the program has ended."""
    begun = tmp_path / "begun"
    caller = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WAITS, str(begun)),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[4],
    )
    while not begun.exists():
        assert caller.returncode is None
        await asyncio.sleep(0.01)
    (program,) = Path(f"/proc/{caller.pid}/task/{caller.pid}/children").read_text().split()  # noqa: ASYNC240 - no disk
    os.kill(caller.pid, signal.SIGSTOP)
    await asyncio.sleep(4)
    while (stat_fields(int(program)) or ["Z"])[0] != "Z":  # noqa: ASYNC110 - a process has no event
        await asyncio.sleep(0.01)
    os.kill(caller.pid, signal.SIGCONT)
    told, _ = await caller.communicate()
    assert told == b"what was given\n\n"
