"""A small file system in memory for a test's files, and ways to fill it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal

from streams.fleet.host.commands import run

Lack = Literal["space", "inodes"]
_CHUNK: Final = 64 * 1024


class SmallDisk:
    """Mounted at `root`. `fill` and `free` at any time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._filler = root / "filler"

    def fill(self, lack: Lack) -> None:
        """Nothing more can be written, or no file more be made."""
        with suppress(FileExistsError):
            self._filler.mkdir()
        number = 0
        try:
            with open(self._filler / "bytes", "ab", buffering=0) as file:
                while lack == "space":
                    file.write(b"x" * _CHUNK)
                    if os.fstat(file.fileno()).st_size % _CHUNK:  # the rest of a write that met the end
                        file.write(b"x")
            while True:
                number += 1
                (self._filler / str(number)).touch()
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise

    def free(self) -> None:
        """What `fill` wrote is gone."""
        for path in list(self._filler.iterdir()):
            path.unlink()


@contextmanager
def small_disk(root: Path) -> Iterator[SmallDisk]:
    """64 MiB and 2,000 files, until the block ends."""
    run("mount", "-t", "tmpfs", "-o", "size=64m,nr_inodes=2000,mode=0755", "questlog-test", str(root))
    try:
        yield SmallDisk(root)
    finally:
        run("umount", str(root))
