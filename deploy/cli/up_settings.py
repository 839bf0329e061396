"""The settings of a stack that `questlog up` starts on this machine."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Final

from deploy import settings
from deploy.nouns import deciding
from deploy.settings import Settings
from deploy.stack.kafka import kept_partitions
from deploy.stack.ports import port_taken
from deploy.stack.supervisor import StartFailed

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.stack.programs import Ports


AWAY_SECONDS: Final = 120
"""Game servers whose stack was killed end after so long, unless the next one adopts them."""


def unless_set(name: str, value: int) -> int | None:
    """A setting that holds where the environment says nothing."""
    return None if settings.PREFIX + name.upper() in os.environ else value


def partitions_here(home: Path, workers: int) -> dict[str, int]:
    """Of deciding nouns that the environment leaves open: what this home's log has, or one for each decider.

    On one machine fewer partitions make larger records: with 8 instead of 1, 32 connections got a third of
    the commands a second at four times the CPU (`questlog bench commands`).
    """
    said = settings.from_environment().partitions
    return {
        noun.name: kept_partitions(home, noun.commands.name) or workers
        for noun in deciding(Settings())
        if noun.commands.partitions_max > 1 and noun.name not in said
    }


def with_demo_secrets(configured: Settings) -> Settings:
    """The demo's operator and payment provider have secrets, those of the home where none are set."""
    return dataclasses.replace(
        configured,
        operator_token=configured.operator_token or configured.derived_secret("questlog demo operator"),
        payments_secret=configured.payments_secret or configured.derived_secret("questlog demo payments"),
    )


def check_ports(ports: Ports) -> None:
    """Raises StartFailed where a port is taken, or given twice."""
    options = {
        "http": "--port",
        "kafka": "--kafka-port",
        "redis": "--redis-port",
        "clickhouse": "--clickhouse-port",
    }
    for name, option in options.items():
        number = getattr(ports, name)
        if port_taken(number):
            variable = "QUESTLOG_" + option[2:].upper().replace("-", "_")
            raise StartFailed(f"port {number} is taken: choose another with {option} (or {variable})")
    chosen = [number for number in dataclasses.astuple(ports) if number]
    if len(set(chosen)) != len(chosen):
        raise StartFailed("two parts were given the same port")
