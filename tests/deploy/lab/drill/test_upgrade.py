"""The order in which an older release is replaced, and whose code runs. Whole: `questlog drill upgrade`."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from deploy.lab.drill.stack import DrillFailedError
from deploy.lab.drill.two_releases import EDGES, HERE, migrations_of, runs, unpack
from deploy.lab.drill.upgrade_steps import DECIDER, READERS, Step, steps
from deploy.stack.programs import ROLES
from projections.clickhouse.migrations import read

if TYPE_CHECKING:
    from pathlib import Path

EDGE_NAMES = [f"edge-{number}" for number in range(EDGES)]
NAMES = [*EDGE_NAMES, *(f"worker-{role}" for role in ROLES)]


def test_readers_come_first_forward_and_last_back() -> None:
    made = steps(NAMES, tables_changed=False)
    forward = [*READERS, DECIDER, *EDGE_NAMES]
    assert sorted(forward) == sorted(NAMES)
    assert made == [
        *(Step(name, forward=True) for name in forward),
        *(Step(name, forward=False) for name in reversed(forward)),
        *(Step(name, forward=True) for name in forward),
    ]


def test_what_writes_to_clickhouse_does_not_go_back_behind_tables_that_it_does_not_know() -> None:
    made = steps(NAMES, tables_changed=True)
    assert [step.forward for step in made if step.name == "worker-clickhouse"] == [True]
    assert sum(not step.forward for step in made) == len(NAMES) - 1


def test_a_process_of_a_release_runs_that_release_s_code(tmp_path: Path) -> None:
    older = unpack("HEAD", tmp_path / "older")
    assert migrations_of(older) == migrations_of(HERE) == len(read())
    done = subprocess.run(
        [sys.executable, "-c", "import deploy, schemas; print(deploy.__file__, schemas.__file__)"],
        env=os.environ | runs(older),
        capture_output=True,
        text=True,
        check=True,
        cwd=HERE,
    )
    assert done.stdout.split() == [str(older / room / "__init__.py") for room in ("deploy", "schemas")]
    with pytest.raises(DrillFailedError, match="no commit --output=x"):
        unpack("--output=x", tmp_path / "none")
