from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from deploy.cli import COMMANDS, app


def test_the_program_lists_every_command() -> None:
    command = [sys.executable, "-m", "deploy.cli", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own
    assert [listed.name for listed in COMMANDS if f" {listed.name} " not in said] == []


@pytest.mark.parametrize("name", [listed.name for listed in COMMANDS])
def test_help_is_there_for_every_command(name: str) -> None:
    asked = CliRunner().invoke(app, [name, "--help"], prog_name="questlog")
    assert (asked.exit_code, f"Usage: questlog {name}" in asked.output) == (0, True)
