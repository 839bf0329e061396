"""The fleet of game servers in this room."""

from __future__ import annotations

from typing import Final

from schemas.fleet.errors import S5
from schemas.noun import NounSchema

NOUN: Final = NounSchema(name="fleet", surfaces=(S5,))
