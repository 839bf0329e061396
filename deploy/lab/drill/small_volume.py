"""Runs a command on a small file system in memory that no other process sees and that ends with it."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from deploy.lab.drill.stack import DrillFailedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HOME: Final = "QUESTLOG_DRILL_HOME"
"""The volume's folder, for the command that runs on it."""


def is_inside() -> bool:
    """Whether this process is the one that runs on the volume."""
    return HOME in os.environ


def run_inside(folder: Path, size_mib: int, command: Sequence[str]) -> int:
    """Mount `size_mib` of memory at the folder, in a mount namespace of its own, and run the command there.

    Its exit code. Raises DrillFailedError where this system permits no mounts.
    """
    unshare = shutil.which("unshare")
    if unshare is None:
        raise DrillFailedError("unshare is missing: install Debian's package util-linux")
    namespaces = ["--mount"] if os.geteuid() == 0 else ["--mount", "--user", "--map-root-user"]
    mount = 'mount -t tmpfs -o "size=$1m,mode=0700" questlog-drill "$2" && shift 2 && exec "$@"'
    words = [unshare, *namespaces, "--", "sh", "-c", mount, "sh", str(size_mib), str(folder), *command]
    probe = subprocess.run([unshare, *namespaces, "--", "true"], check=False, capture_output=True, text=True)
    if probe.returncode:
        raise DrillFailedError(f"no file system can be mounted here: {probe.stderr.strip()}")
    return subprocess.run(words, check=False, env=os.environ | {HOME: str(folder)}).returncode
