"""Control groups that are removed while they are read, and version 2 on a folder that looks like it.

A kernel whose controllers are mounted as version 1 has none left for version 2: drivers' tests run on what
the machine has.
"""

from __future__ import annotations

import errno
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PosixPath
from typing import Any

import pytest

from streams.fleet.host.cgroups import groups_of_machine, members
from streams.fleet.host.cores import Cores, core_sets, parsed, written


class Failing(PosixPath):
    """A file that opens and can't be read: `cgroup.procs` of a group that was removed in between."""

    number = 0

    def read_text(self, *_: Any, **__: Any) -> str:
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize("number", [errno.ENODEV, errno.ENOENT])
def test_a_group_that_is_removed_while_it_is_read_has_no_members(number: int) -> None:
    file = Failing("cgroup.procs")
    file.number = number
    assert members(file) == set()


def test_any_other_failure_is_one() -> None:
    file = Failing("cgroup.procs")
    file.number = errno.EIO
    with pytest.raises(OSError, match="Input/output error"):
        members(file)


def test_members_are_the_lines_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "cgroup.procs"
    file.write_text("1\n4711\n")
    assert members(file) == {1, 4711}


V2 = "questlog-fleet-3/one-1"
V2_FILES = ("memory.max", "memory.swap.max", "cpu.max", "cpu.weight", "pids.max")


def unified(mount: Path, controllers: str = "cpuset cpu io memory pids") -> Path:
    """A tree of version 2 with an attempt's group, as the kernel fills them; the group's folder."""
    (mount / "cgroup.controllers").write_text(controllers)
    group = mount / V2
    (group / "server").mkdir(parents=True)
    for name in V2_FILES:
        (group / name).write_text("max")
    (group / "cgroup.procs").write_text("")
    (group / "server/cgroup.procs").write_text("12\n34\n")
    (group / "cpu.stat").write_text("usage_usec 1234567\nuser_usec 1000000\nsystem_usec 234567\n")
    (group / "memory.current").write_text("1000000\n")
    (group / "memory.stat").write_text("anon 700000\nfile 300000\ninactive_file 250000\n")
    (group / "memory.events").write_text("low 0\nhigh 0\nmax 3\noom 0\noom_kill 0\n")
    return group


def test_version_2_gets_its_limits_in_its_own_files(tmp_path: Path) -> None:
    group = unified(tmp_path)
    groups = groups_of_machine(tmp_path)
    assert groups is not None
    groups.make(V2, cpu_cores=0.5, memory_mib=512, pids=100)
    found = {name: (group / name).read_text() for name in V2_FILES}
    assert found == {
        "memory.max": str(512 * 1024 * 1024),
        "memory.swap.max": "0",
        "cpu.max": "50000 100000",
        "cpu.weight": "12",
        "pids.max": "100",
    }
    for above in (tmp_path, tmp_path / "questlog-fleet-3", group):  # processes are in none of these
        assert (above / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"
    assert groups.entrances(V2) == str(group / "server/cgroup.procs")


def test_version_2_tells_what_its_group_uses(tmp_path: Path) -> None:
    group = unified(tmp_path)
    groups = groups_of_machine(tmp_path)
    assert groups is not None
    assert groups.cpu_ns(V2) == 1_234_567_000
    assert groups.memory_bytes(V2) == 750_000
    assert groups.pids(V2) == {12, 34}
    assert not groups.out_of_memory(V2, 512)
    (group / "memory.events").write_text("low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\n")
    assert groups.out_of_memory(V2, 512)
    assert not groups.out_of_memory("questlog-fleet-3/never", 512)


def test_version_2_removes_a_group_with_those_below_it(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids")
    groups = groups_of_machine(tmp_path)
    assert groups is not None
    (tmp_path / V2 / "server/inner").mkdir(parents=True)
    groups.remove(V2)
    assert not (tmp_path / V2).exists()
    groups.remove(V2)


def test_version_2_without_a_needed_controller_can_not_be_used(tmp_path: Path) -> None:
    unified(tmp_path, controllers="hugetlb cpu pids")
    assert groups_of_machine(tmp_path) is None


def test_all_who_ask_at_once_whether_there_are_groups_get_the_same_answer() -> None:
    """Agents that start together: one that gets none would run its servers as plain processes."""
    with ThreadPoolExecutor(8) as asking:
        found = [groups is None for groups in asking.map(lambda _: groups_of_machine(), range(200))]
    assert found == [found[0]] * 200


def test_lists_of_cores_are_the_kernel_s() -> None:
    assert parsed("0-2,5\n") == {0, 1, 2, 5}
    assert parsed("\n") == frozenset()
    assert parsed(written(frozenset({3, 1, 10}))) == {1, 3, 10}


def test_version_2_moves_servers_off_the_cores_of_others(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids")
    (tmp_path / "cpuset.cpus.effective").write_text("0-3\n")
    cores = Cores(core_sets(tmp_path))
    for path, own in (("q/one", ()), ("q/two", (0, 1)), ("q/three", ())):
        cores.take(path, own)

    def found(path: str) -> str:
        return (tmp_path / path / "cpuset.cpus").read_text()

    assert [found(path) for path in ("q/one", "q/two", "q/three")] == ["2,3", "0,1", "2,3"]
    assert (tmp_path / "q/cgroup.subtree_control").read_text() == "+cpuset"
    shutil.rmtree(tmp_path / "q/three")
    cores.give_back("q/two")
    assert found("q/one") == "0,1,2,3"
    assert not (tmp_path / "q/three").exists()
    cores.take("q/all", (0, 1, 2, 3))
    assert found("q/one") == "0,1,2,3"  # none is left, and a server has to run somewhere


def test_a_machine_without_core_sets_does_nothing(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids")
    assert core_sets(tmp_path) is None
    cores = Cores(None)
    cores.take("q/one", (0,))
    cores.give_back("q/one")
    assert cores.entrances("q/one") == ""
