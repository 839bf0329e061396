"""Vectors as they are compared: of length 1, and of the one number of dimensions. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from schemas.studio.ai import DIMENSIONS
from streams.ai.ports import ProviderFailed


def unit_vectors(vectors: Sequence[Sequence[float]]) -> list[list[float]]:
    """Each scaled to length 1. Raises ProviderFailed for what has other dimensions, no length or no end."""
    made = []
    for vector in vectors:
        length = math.sqrt(sum(value * value for value in vector))
        if len(vector) != DIMENSIONS or not math.isfinite(length) or length == 0:
            raise ProviderFailed(f"the provider gave no vector of {DIMENSIONS} numbers", paid=True)
        made.append([value / length for value in vector])
    return made
