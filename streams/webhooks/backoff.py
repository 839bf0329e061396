"""When a delivery that failed is tried again: a function of its id and its attempts. Pure."""

from __future__ import annotations

import hashlib
from typing import Final

from schemas.webhooks import KEPT_MS

FIRST_MS: Final = 2_000
LONGEST_MS: Final = 60 * 60 * 1000


def next_try_ms(delivery_id: str, attempts: int, now_ms: int, queued_at_ms: int) -> int | None:
    """The time of the next try after `attempts` (from 1) have failed; None when it is given up.

    The pause doubles from 2 s to an hour, less up to half by chance (the same for the same id and attempt).
    The last try is at the end of the 24 hours.
    """
    ends_at_ms = queued_at_ms + KEPT_MS
    if now_ms >= ends_at_ms:
        return None
    pause_ms = min(FIRST_MS << min(attempts - 1, 20), LONGEST_MS)
    digest = hashlib.sha256(f"{delivery_id}/{attempts}".encode()).digest()
    pause_ms -= pause_ms * int.from_bytes(digest[:4], "big") // 2**33
    return min(now_ms + pause_ms, ends_at_ms)
