"""Runs Python on a file system of a few MiB, mounted for that process alone."""

from __future__ import annotations

import sys
from pathlib import Path

from deploy.lab.drill.small_volume import run_inside


def run_on_small_volume(folder: Path, size_mib: int, code: str, output: Path) -> str:
    """What the code printed. `folder` is the volume's; the code finds it in sys.argv[1]."""
    program = f'exec {sys.executable} -c "$1" "$2" >\'{output}\' 2>&1'
    status = run_inside(folder, size_mib, ["sh", "-c", program, "sh", code, str(folder)])
    said = output.read_text()
    assert status == 0, said
    return said
