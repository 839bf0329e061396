"""How a busy process spends memory: on fewer looks of the collector, and on pages that it keeps."""

from __future__ import annotations

import ctypes
import gc
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3


def tune_memory() -> None:
    """Spend memory where a busy process spends its time: worth a quarter of an edge's CPU for 100 events.

    Requests and batches make many objects and hardly a cycle, so the collector need not look each 700 of
    them. Buffers of megabytes come and go all the time; by default glibc gives their pages back and faults
    them in again. Call it once everything is imported; again changes nothing.
    """
    gc.freeze()  # what was imported is never garbage
    gc.set_threshold(100_000, 20, 100)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # glibc only
        mallopt(_M_MMAP_THRESHOLD, 16 * 1024 * 1024)
        mallopt(_M_TRIM_THRESHOLD, 64 * 1024 * 1024)
