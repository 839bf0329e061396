"""The volume that a stack's state is on: whether its parts can write there now."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

NEEDED_BYTES: Final = 64 * 1024 * 1024
"""What a part's start may take: the broker alone makes index files of 10 MiB for segments it recovers."""


def trouble_of(folder: Path, needed_bytes: int = NEEDED_BYTES) -> str | None:
    """Why parts can't write below the folder now, in a sentence that says what to do; None where they can."""
    try:
        volume = os.statvfs(folder)
    except OSError as error:
        return f"{folder} can't be reached: {error.strerror}"
    if volume.f_flag & os.ST_RDONLY:
        return f"{folder} is on a read-only file system: remount it for writing"
    free = volume.f_bavail * volume.f_frsize
    if free < needed_bytes:
        needed_mib, free_mib = needed_bytes // 2**20, free // 2**20
        return f"no space left on {_mount_of(folder)}: {needed_mib} MiB needed, {free_mib} MiB free"
    if volume.f_files and not volume.f_favail:
        return f"no inodes left on {_mount_of(folder)}: remove files"
    return None


def _mount_of(folder: Path) -> Path:
    folder = folder.absolute()
    while not folder.is_mount() and folder != folder.parent:
        folder = folder.parent
    return folder
