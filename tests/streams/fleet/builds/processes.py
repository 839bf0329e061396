"""What processing must not leave behind: processes, mounts, files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def descendants() -> set[int]:
    """This process's children, their children and so on, but for those that wait to be reaped."""
    parents: dict[int, int] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                state, parent = (path / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if state != "Z":
                parents[int(path.name)] = int(parent)
    found = {os.getpid()}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {os.getpid()}


def mounts(folder: Path) -> list[str]:
    places = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [place for place in places if place.startswith(str(folder))]


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@contextmanager
def nothing_left_behind(folder: Path) -> Iterator[None]:
    """No process, no mount below the folder, no open file more than before."""
    before = descendants(), open_files()
    yield
    assert (descendants(), open_files()) == before
    assert mounts(folder) == []


def open_files() -> list[str]:
    found = []
    for path in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(path.readlink()))
        except OSError:
            continue
    return sorted(name for name in found if name.startswith("/") and not name.startswith("/proc"))


PYTHON = (sys.executable, "-I", "-B")
