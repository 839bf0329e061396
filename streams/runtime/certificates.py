"""How long the certificates that this process shows others are still good: as a metric, and in its log.

Of a chain the certificate that ends first counts. What clients trust others by, which often is the system's
bundle of many, is not looked at.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from time import sleep
from typing import Final, NamedTuple

from prometheus_client import Gauge

DAYS_LEFT: Final = Gauge(
    "questlog_certificate_days_left", "Days until a certificate ends; below 0 it has ended", ["used_for"]
)
WARNED_DAYS: Final = 21.0
"""From then on the log warns each day."""
DAY_S: Final = 86_400.0
_log: Final = logging.getLogger(__name__)


class _Held(NamedTuple):
    name: str
    read: Callable[[], bytes]


_held: Final[dict[str, _Held]] = {}
_said: Final[dict[str, datetime | None]] = {}
"""Which end of each was said when it was taken."""


def ends_at(pem: bytes) -> datetime:
    """When the first of these certificates ends. Raises ValueError where there is none that can be read."""
    from cryptography import x509  # noqa: PLC0415 - 3 MB, for processes that show a certificate

    return min(one.not_valid_after_utc for one in x509.load_pem_x509_certificates(pem))


def hold(used_for: str, name: str, read: Callable[[], bytes]) -> None:
    """Show from now on how long the certificate is good that `read` gives, now and later.

    `name` is where an operator finds it. The next one of the same use takes its place, and is said, as the
    first one is. What can't be read, or is no certificate, leaves the metric without a value.
    """
    _held[used_for] = _Held(name, read)
    DAYS_LEFT.labels(used_for).set_function(lambda: days_left(used_for))
    ends = _ends(used_for)
    if used_for not in _said or _said[used_for] != ends:
        _said[used_for] = ends
        _say(used_for, always=True)


def days_left(used_for: str) -> float:
    """Of the certificate that is held for this use; no number where it can't be read."""
    ends = _ends(used_for)
    return float("nan") if ends is None else (ends - datetime.now(UTC)).total_seconds() / DAY_S


def warn() -> None:
    """Say which certificates end soon, or have ended."""
    for used_for in list(_held):
        _say(used_for, always=False)


def keep_warning() -> None:
    """Do so every day, for ever."""
    while True:
        sleep(DAY_S)
        warn()


def warn_daily() -> None:
    """Do so in a thread, as long as this process runs."""
    threading.Thread(target=keep_warning, name="certificates", daemon=True).start()


def _ends(used_for: str) -> datetime | None:
    try:
        return ends_at(_held[used_for].read())
    except (OSError, ValueError):
        return None


def _say(used_for: str, *, always: bool) -> None:
    left, name = days_left(used_for), _held[used_for].name
    if left < 0:
        _log.error("the certificate for %s ended %.1f days ago: renew it (%s)", used_for, -left, name)
    elif left < WARNED_DAYS:
        _log.warning("the certificate for %s ends in %.1f days: renew it (%s)", used_for, left, name)
    elif always:
        _log.info("the certificate for %s is good for %.0f days (%s)", used_for, left, name)
