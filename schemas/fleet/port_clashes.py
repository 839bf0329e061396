"""Ports that one server can't have beside each other, in requests as in definitions. Pure.

A port's name is also the name of the variables that its process reads (contract/fleet.md, "What the process
gets"), where `-` and `_` are one: of `a-b` and `a_b` the process could find one alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple, Protocol

VARIABLE: Final = "QUESTLOG_PORT_"
EXTERNAL_VARIABLE: Final = "QUESTLOG_EXTERNAL_PORT_"


class NamedPort(Protocol):
    """A port of a request or a definition."""

    @property
    def name(self) -> str:
        """Lower-case letters, digits, `_` and `-`."""
        ...

    @property
    def internal_port(self) -> int:
        """What the process binds."""
        ...

    @property
    def protocol(self) -> str:
        """Of the network."""
        ...


class Clash(NamedTuple):
    """The port at `place` has a name, a variable or a number that the port `other` before it has."""

    place: int
    what: Literal["name", "variable", "number"]
    other: str


def variable_part(name: str) -> str:
    """A port's name as its variables have it, behind VARIABLE and EXTERNAL_VARIABLE."""
    return name.upper().replace("-", "_")


def clashes(ports: Iterable[NamedPort]) -> Iterator[Clash]:
    """Every clash of a port with one before it, in order."""
    names: set[str] = set()
    variables: dict[str, str] = {}
    numbers: dict[tuple[int, str], str] = {}
    for place, port in enumerate(ports):
        name, number = port.name, (port.internal_port, port.protocol)
        if name in names:
            yield Clash(place, "name", name)
        elif variable_part(name) in variables:
            yield Clash(place, "variable", variables[variable_part(name)])
        if number in numbers:
            yield Clash(place, "number", numbers[number])
        names.add(name)
        variables.setdefault(variable_part(name), name)
        numbers.setdefault(number, name)
