"""The disk drill, once: `questlog drill disk` is the whole."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.stack


@pytest.mark.timeout(400)
def test_a_full_disk_is_a_state_and_not_an_end() -> None:
    command = [sys.executable, "-m", "deploy.cli", "drill", "disk", "--rounds", "1", "--full-seconds", "8"]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert done.stdout, done.stderr
    verdicts = json.loads(done.stdout)["verdicts"]
    assert [verdict for verdict in verdicts if not (verdict["holds"] or verdict["timed"])] == [], done.stderr
    assert done.returncode == (0 if all(verdict["holds"] for verdict in verdicts) else 1)
