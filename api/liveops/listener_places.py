"""How many listeners a process has and may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api.liveops.metrics import ListenerMetrics


class Places:
    """How many listeners a process has, whatever store their boards are in."""

    def __init__(self, most: int, metrics: ListenerMetrics) -> None:
        self._most = most
        self._metrics = metrics
        self.taken = 0
        self.closed = False

    @property
    def full(self) -> bool:
        """Whether there is no place for another, as once the process ends."""
        return self.closed or self.taken >= self._most

    def change(self, by: int) -> None:
        """Count one more, or one less."""
        self.taken += by
        self._metrics.listeners.set(self.taken)
