"""Control groups that are removed while they are read."""

from __future__ import annotations

import errno
import os
from pathlib import Path, PosixPath
from typing import Any

import pytest

from streams.fleet.host.cgroups import members


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
