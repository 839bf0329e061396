"""Bots: a score that is a function of a seed and the time, the same for every reader."""

from __future__ import annotations

import hashlib
from typing import Final

BOT_TICK_MS: Final = 5_000
"""How often an active lobby's bots are scored."""

_STEP_MS: Final = 10_000
_PACE_MIN: Final = 0.6
_PACE_SPAN: Final = 0.8


def bot_score(seed: str, per_minute: float, started_at_ms: int, at_ms: int) -> float:
    """What a bot has scored at a time: whole points, never fewer than before; `per_minute` on average.

    Each bot has a pace of its own (0.6 to 1.4 of the average), and is ahead or behind by up to half a step.
    """
    elapsed = max(at_ms - started_at_ms, 0)
    digest = hashlib.sha256(seed.encode()).digest()
    pace = _PACE_MIN + _PACE_SPAN * digest[0] / 255
    done, part = divmod(elapsed, _STEP_MS)
    jitter = hashlib.sha256(f"{seed}:{done}".encode()).digest()[0] / 255
    steps = done + min(part / _STEP_MS, jitter)  # within a step it waits at its own point
    return float(int(per_minute * pace * steps * _STEP_MS / 60_000))
