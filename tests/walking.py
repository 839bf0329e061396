"""Walks over folders that others change meanwhile: what goes away during the walk is passed over."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def all_below(folder: Path) -> Iterator[Path]:
    """Every path that a walk has met; each may be gone by now. `Path.rglob` raises where a folder goes."""
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            yield Path(parent, name)
