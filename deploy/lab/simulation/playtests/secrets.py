"""The deployment secret of a simulation: it changes while no client asks, and the former ones stay known."""

from __future__ import annotations

from typing import Final

from schemas.seal import Sealer

CHANGES_MAX: Final = 3


class Secrets:
    """What every process of a seed seals by."""

    def __init__(self) -> None:
        self._known = [b"a secret of the simulation, 32 bytes"]
        self.sealer = Sealer(self._known[0])

    def change(self) -> bool:
        """Another secret from now on, unless it changed often enough."""
        if len(self._known) > CHANGES_MAX:
            return False
        self._known.insert(0, b"%d %b" % (len(self._known), self._known[-1]))
        self.sealer = Sealer(self._known[0], self._known[1:])
        return True
