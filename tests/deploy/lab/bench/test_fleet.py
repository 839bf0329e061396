"""What `questlog bench fleet` looks at and uploads, and that its report fits a terminal."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from deploy.cli.tables import show
from deploy.lab.bench import fleet_builds
from deploy.lab.bench.fleet_figures import both, figure
from deploy.lab.bench.fleet_processes import Readers, cpu_seconds, proportional_bytes, servers
from deploy.lab.cli.bench_fleet import report
from deploy.lab.example_builds import EXECUTABLE
from streams.fleet.host.processes import stat_fields
from tests.streams.fleet.host.world import until

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024 * 1024
SHELL = 'sleep 60 & echo "$!"; wait'


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """As each server has: a shell in its attempt's folder, with the server below it."""
    folder = tmp_path / "fleet" / "host" / "attempts" / "one-2"
    folder.mkdir(parents=True)
    started = subprocess.Popen(  # noqa: S603 - our own
        ["/bin/sh", "-c", f"cd {folder}; QUESTLOG_ATTEMPT=one-2; export QUESTLOG_ATTEMPT; {SHELL}"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    yield started
    os.killpg(started.pid, signal.SIGKILL)
    started.communicate()


def test_a_server_s_processes_are_its_own_and_ours(parent: subprocess.Popen[str], tmp_path: Path) -> None:
    assert parent.stdout is not None
    game = int(parent.stdout.readline())
    until(lambda: Path(f"/proc/{game}/comm").read_text() == "sleep\n")  # until then it is a copy of the shell
    found = servers(tmp_path, {"one", "other"})
    assert found.keys() == {"one-2"}
    assert (found["one-2"].game, found["one-2"].ours) == ({game}, {parent.pid})
    assert servers(tmp_path, {"other"}) == {}
    elsewhere = servers(tmp_path / "elsewhere", {"one"})
    assert (elsewhere["one-2"].game, elsewhere["one-2"].ours) == ({game}, set())
    assert 0 < proportional_bytes([game]) < 4 * MIB


def test_cpu_is_that_of_the_processes_and_what_they_have_reaped() -> None:
    own = os.getpid()
    before = cpu_seconds([own]), cpu_seconds([own], children=True)
    subprocess.run([sys.executable, "-c", "sum(range(20_000_000))"], check=True)
    alone, together = cpu_seconds([own]) - before[0], cpu_seconds([own], children=True) - before[1]
    assert together - alone > 0.05
    assert cpu_seconds([2**22 + 1]) == 0


def test_the_most_memory_of_who_reads_builds_is_noted() -> None:
    program = "import sys; held = bytearray(100 << 20); del held; print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program, "streams.fleet.builds.child"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reading:  # noqa: S603 - our own
        assert reading.stdout is not None
        assert reading.stdin is not None
        reading.stdout.readline()
        looking = Readers()
        looking.look()
        reading.stdin.close()
    looking.look()
    assert 100 * MIB < looking.peak_bytes < 150 * MIB
    assert Readers().peak_bytes == 0
    assert stat_fields(reading.pid) is None


def test_a_large_archive_is_a_build_that_packs_a_little() -> None:
    packed = fleet_builds.large(3_000_000, seed=1)
    assert 3_000_000 <= len(packed) < 3_100_000
    assert packed != fleet_builds.large(3_000_000, seed=2)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        sizes = [(one.compress_size, one.file_size) for one in archive.infolist()][:-1]
    assert 0.8 < sum(small for small, _ in sizes) / sum(large for _, large in sizes) < 0.95


def test_what_the_clock_prints_is_read_again(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(fleet_builds.clock())) as archive:
        script = tmp_path / EXECUTABLE
        script.write_bytes(archive.read(EXECUTABLE))
    before = time.time_ns()
    with subprocess.Popen(  # noqa: S603 - our own
        [sys.executable, "-IS", str(script)], stdout=subprocess.PIPE, text=True
    ) as printing:
        assert printing.stdout is not None
        told = [fleet_builds.printed(printing.stdout.readline().rstrip("\n")) for _ in range(2)]
        printing.kill()
    first, second = told
    assert first is not None
    assert second is not None
    assert (first[0], second[0]) == (1, 2)
    assert before < first[1] < second[1] < time.time_ns()
    assert fleet_builds.printed("line 1") is None


def test_the_report_fits_100_columns() -> None:
    found = [
        *both("start to running, build cached", [3.0, 1.0, 2.0], (300.0, 800.0), "100 starts"),
        figure("CPU of all idle servers", 69.44, "% of a core", 70.0, "100 servers"),
        figure("host lost to its server running elsewhere", 1234.5, "s", None, "once"),
        figure("agent of 50 servers killed to all adopted", 3.14159, "s", 4.0, "3 kills"),
        figure("of them restarted or gone", 0.0, "", 0.0, "50 servers"),
    ]
    shown = io.StringIO()
    show(Console(file=shown, width=100, soft_wrap=True), report(found))
    lines = shown.getvalue().splitlines()
    assert max(map(len, lines)) <= 100
    assert len(lines) == 1 + len(found)
    assert " ".join(lines[1].split()) == "start to running, build cached, p50 2.00 ms 300 ms 100 starts"
    assert lines[-1].split()[-4:] == ["0", "0", "50", "servers"]
