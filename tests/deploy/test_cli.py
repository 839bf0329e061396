from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli import COMMANDS, app
from schemas.studio.definition_schema import definition_schema


def test_the_program_lists_every_command() -> None:
    command = [sys.executable, "-m", "deploy.cli", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own
    assert [listed.name for listed in COMMANDS if f" {listed.name} " not in said] == []


def test_commands_import_no_http_client_before_they_need_one() -> None:
    code = "import sys, deploy.cli.apply, deploy.cli.keys, deploy.cli.sql; print('aiohttp' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own
    assert ran.stdout == "False\n"


def test_a_misspelt_command_is_told_which_was_meant() -> None:
    for words, meant in ((["aply"], "'apply'"), (["keys", "lst"], "'list'")):
        asked = CliRunner().invoke(app, words, prog_name="questlog")
        assert (asked.exit_code, f"Did you mean {meant}?" in asked.output) == (2, True)


def test_it_says_its_version() -> None:
    asked = CliRunner().invoke(app, ["--version"], prog_name="questlog")
    assert (asked.exit_code, asked.output) == (0, f"questlog {version('questlog')}\n")


def test_a_definition_s_schema_and_problems_need_no_stack(tmp_path: Path) -> None:
    printed = CliRunner().invoke(app, ["apply", "--schema"], prog_name="questlog")
    assert json.loads(printed.output) == definition_schema()
    file = tmp_path / "studio.yaml"
    file.write_text("studio: {name: X, slug: x, plan: gold}\ngames: {}\n")
    asked = CliRunner().invoke(app, ["apply", str(file), "--json"], prog_name="questlog")
    assert asked.exit_code == 2
    assert [found["field"] for found in json.loads(asked.output)["problems"]] == ["studio.plan", "games"]
    missing = CliRunner().invoke(app, ["apply"], prog_name="questlog")
    assert (missing.exit_code, "which definition file?" in missing.output) == (2, True)


@pytest.mark.parametrize("name", [listed.name for listed in COMMANDS])
def test_help_is_there_for_every_command(name: str) -> None:
    asked = CliRunner().invoke(app, [name, "--help"], prog_name="questlog")
    assert (asked.exit_code, f"Usage: questlog {name}" in asked.output) == (0, True)
