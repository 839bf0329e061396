"""Files that only their owner may read."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def for_its_owner(path: str, flags: int) -> int:
    """An `opener` of `open`: a file that is made is its owner's alone."""
    return os.open(path, flags, 0o600)


@contextmanager
def new_private_file(target: Path) -> Iterator[IO[bytes]]:
    """A file for its owner alone, which is there, on disk, once the block has ended, and not where it raises.

    Raises OSError where it can't be written. That there is none of that name yet is the caller's to see.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with open(part, "xb", opener=for_its_owner) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)


def write_private(path: Path, text: str, *, durable: bool = True) -> None:
    """Write a file that its owner alone may read, whole or not at all. An older one is replaced.

    `durable`: it is on disk when this returns; otherwise a power loss may leave the older one.
    Nothing is written where it holds that text already, so that a start needs no space for it.
    """
    if _holds(path, text):
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _holds(path: Path, text: str) -> bool:
    try:
        return path.stat().st_mode & 0o077 == 0 and path.read_bytes() == text.encode()
    except OSError:
        return False
