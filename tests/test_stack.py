"""A test run that is ended leaves no process of its own behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEST = """
import os, time

def test_waits(redis_url: str) -> None:
    print("uses", redis_url, flush=True)
    time.sleep(120)
"""


@pytest.mark.stack
def test_a_run_that_gets_sigterm_ends_the_stores_that_it_started(tmp_path: Path) -> None:
    test = tmp_path / "ended.py"  # other tests walk over the rooms meanwhile
    test.write_text(TEST)
    command = [sys.executable, "-m", "pytest", str(test), "-q", "-s", "-p", "no:cacheprovider"]
    command += ["-p", "tests.conftest", f"--rootdir={ROOT}", f"--config-file={ROOT / 'pyproject.toml'}"]
    with subprocess.Popen(  # noqa: S603 - our own
        [*command, f"--basetemp={tmp_path / 'base'}"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        assert any(line.startswith("uses") or " uses " in line for line in run.stdout)
        store = started_below(tmp_path)
        run.send_signal(signal.SIGTERM)
        run.stdout.read()
    assert (run.returncode, bool(store)) == (pytest.ExitCode.INTERRUPTED, True)
    assert started_below(tmp_path) == []


def started_below(folder: Path) -> list[int]:
    """The processes whose command line names the folder, and that are no pytest."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in line and b"pytest\0" not in line:
            found.append(int(entry.name))
    return found
