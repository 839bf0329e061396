"""Files that only their owner may read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


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
