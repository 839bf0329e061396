"""What the embedded ClickHouse does about a volume that fills up.

The engine itself leaves `KEPT_FREE_BYTES` alone: it refuses inserts (243, NOT_ENOUGH_SPACE: they are sent
again) and begins no merge. That does not help a part that is being written when another process takes the
last space: chDB 26.9 then shows a part with empty files as if it were whole; reading it fails
(CORRUPTED_DATA). Opened again it finds such a part by its checksums, sets it aside and uses those that it was
merged from. It keeps them for `old_parts_lifetime`, 8 minutes, so nothing may wait: the process ends when the
volume is full.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEPT_FREE_BYTES: Final = 64 * 1024 * 1024
ENDS_BELOW_BYTES: Final = 16 * 1024 * 1024
LOOK_SECONDS: Final = 0.2
EXIT_FULL: Final = 75
"""EX_TEMPFAIL: it may be started again at once, and then serves reads however full the volume is."""

_log: Final = logging.getLogger(__name__)


class SpaceWatch:
    """Says when the engine must be opened anew: once each time that the volume fills up under it."""

    def __init__(self) -> None:
        self._armed = False

    def must_end(self, free_bytes: int) -> bool:
        """True where the volume has run out since it last had space for writing."""
        if free_bytes >= KEPT_FREE_BYTES:
            self._armed = True
        return self._armed and free_bytes < ENDS_BELOW_BYTES


def watch_space(folder: Path, end: Callable[[int], None] = os._exit) -> None:
    """Look at the folder's volume until the process ends, from a thread of its own."""
    watch = SpaceWatch()
    rest = threading.Event()

    def look() -> None:
        while not rest.wait(LOOK_SECONDS):
            volume = os.statvfs(folder)
            if watch.must_end(volume.f_bavail * volume.f_frsize):
                _log.error("no space left under the engine: it is opened anew, to check what it was writing")
                end(EXIT_FULL)

    threading.Thread(target=look, name="space", daemon=True).start()
