"""No command takes a secret as an argument: all users of a machine see those of every process."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import typer

from deploy.cli import COMMANDS, load

SECRET: Final = re.compile(r"password|secret|token|credential|api_?key|private", re.IGNORECASE)


def parameters(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    for one in command.params:
        yield path, one
    for name, inner in getattr(command, "commands", {}).items():
        yield from parameters(inner, f"{path} {name}")


def test_no_command_takes_a_secret_as_an_argument() -> None:
    seen = 0
    for listed in COMMANDS:
        command = load(listed)
        assert isinstance(command, typer.core.TyperCommand | typer.core.TyperGroup)
        for path, one in parameters(command, listed.name):
            seen += 1
            named = " ".join([one.name or "", *one.opts])
            assert not SECRET.search(named), (path, named)
    assert seen > 100
