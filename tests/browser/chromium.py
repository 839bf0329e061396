"""Which browser the tests drive, and how it is started."""

from __future__ import annotations

import shutil
from typing import Final

_NAMES: Final = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The headless shell first: it takes a fifth less CPU. deploy/install.sh looks for the same names."""
FLAGS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def chromium_path() -> str:
    """The system's Chromium. Raises FileNotFoundError where there is none."""
    for name in _NAMES:
        path = shutil.which(name)
        if path is not None:
            return path
    raise FileNotFoundError(f"none of {', '.join(_NAMES)} is in PATH: run deploy/test, which installs one")
