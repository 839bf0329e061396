"""Playtests in this room."""

from __future__ import annotations

from typing import Final

from schemas.noun import NounSchema
from schemas.playtests.errors import S2

NOUN: Final = NounSchema(name="playtests", surfaces=(S2,))
