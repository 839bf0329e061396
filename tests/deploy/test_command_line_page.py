from __future__ import annotations

from api.docs_guides import COMMANDS, guide
from deploy.cli.reference import PAGE, page


def test_the_page_is_what_the_commands_print() -> None:
    assert PAGE.read_text("utf-8") == page(), "write it anew: python -m deploy.cli.reference"


def test_it_has_every_command_that_production_installs() -> None:
    titles = [part.title for part in guide(COMMANDS).parts]
    assert titles[:3] == ["Command line", "questlog up", "questlog status"]
    assert {"questlog keys create", "questlog playtests keys mint", "questlog worker"} <= set(titles)
    assert len(set(titles)) == len(titles)
    assert "questlog bench" not in titles
