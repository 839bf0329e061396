"""Folders for what processing needs on disk while it is at a build, readable by their owner alone."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

_OPEN: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


class WorkFolder:
    """Holds a folder for each attempt. One process uses it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.empty = root / "empty"
        """An empty folder that stays empty."""

    def clear(self) -> int:
        """Remove what attempts that died have left; how many there were. To be called before any begins."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        left = [path for path in self._root.iterdir() if path != self.empty]
        for path in left:
            remove_tree(path)
        self.empty.mkdir(mode=0o555, exist_ok=True)
        return len(left)

    @contextmanager
    def attempt(self, name: str) -> Iterator[Path]:
        """A folder of its own, gone when the block ends. One of that name that is left is replaced."""
        path = self._root / name
        remove_tree(path)
        path.mkdir(mode=0o700)
        try:
            yield path
        finally:
            remove_tree(path)


@contextmanager
def new_file(path: Path) -> Iterator[int]:
    """A new file, open to read and write until the block ends."""
    file = os.open(path, _OPEN, 0o600)
    try:
        yield file
    finally:
        os.close(file)


def remove_tree(path: Path) -> None:
    """Remove a folder or file with all below it, whatever its modes are; links are not followed.

    Nothing happens where there is none.
    """
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path, onerror=_once_more)


def _once_more(function: Callable[..., Any], path: str, _: object) -> None:
    """Without root, a folder that may not be written to or listed has to be opened up first."""
    with contextlib.suppress(FileNotFoundError):
        for folder in (Path(path).parent, Path(path)):
            if folder.is_dir() and not folder.is_symlink():
                folder.chmod(0o700)
        if Path(path).is_dir() and not Path(path).is_symlink():
            shutil.rmtree(path)
        elif function is not os.rmdir:
            Path(path).unlink()
