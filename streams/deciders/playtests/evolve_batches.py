"""How events change key batches and links. Pure."""

from __future__ import annotations

from typing import Final

from schemas.codec import Message
from streams.deciders.playtests.evolve_accounts import Step

BATCH_STEPS: Final[dict[type[Message], Step]] = {}
