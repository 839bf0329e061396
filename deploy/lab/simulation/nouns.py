"""The nouns that are simulated, by their names in the table of nouns."""

from __future__ import annotations

from typing import Final

from deploy.lab.simulation.fleet.part import FLEET
from deploy.lab.simulation.liveops.part import LIVEOPS
from deploy.lab.simulation.noun import Simulated
from deploy.lab.simulation.playtests.part import PLAYTESTS

SIMULATED: Final[dict[str, Simulated]] = {one.name: one for one in (LIVEOPS, PLAYTESTS, FLEET)}
