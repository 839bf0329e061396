"""What work costs, beside other work of the same moment: a machine that is slow or busy is so for both.

A limit in seconds fails on a machine with other work, where the same instructions can take four times their
CPU. How costs grow, and how they stand to each other, differs by far more between right and wrong.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

Work = Callable[[], object]


def cpu_ratio(work: Work, beside: Work, *, times: int = 5) -> float:
    """How often the CPU of `beside` the work takes: the least of each, measured in turns, on this thread.

    Python's collector is off meanwhile: what it costs follows from all else that the process holds.
    """
    least = [float("inf"), float("inf")]
    collected = gc.isenabled()
    gc.disable()
    try:
        for _ in range(times):
            for place, one in enumerate((work, beside)):
                began = time.thread_time_ns()
                one()
                least[place] = min(least[place], time.thread_time_ns() - began)
    finally:
        if collected:
            gc.enable()
    return least[0] / max(least[1], 1000)


def growth(work_of: Callable[[int], Work], size: int, *, times: int = 3) -> float:
    """How often the CPU of an eighth of the size the whole takes: 8 where it is linear, 64 where quadratic.

    What takes less than a microsecond counts as one.
    """
    return cpu_ratio(work_of(size), work_of(size // 8), times=times)


LINEAR = 24.0
"""A growth below it is linear, a quadratic one is above: three times 8, and a third of 64."""
