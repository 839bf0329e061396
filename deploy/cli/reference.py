"""The help of every command as one Markdown page of /docs: `python -m deploy.cli.reference` writes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from deploy.cli import COMMANDS, load

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = Path(__file__).parents[2] / "api/guides/command-line.md"
_COLUMNS: Final = 78
"""Of 80 in a terminal two stay free."""
_INTRODUCTION: Final = """\
# Command line

`questlog COMMAND --help` prints what stands here. Where standard output is piped, lists are tab-separated
rows under one line of names. Exit codes: 0 done, 1 refused or not as it should be, 2 not understood. The
source tree has further commands, which production does not install: `demo`, `bench`, `drill` and `simulate`.
"""


def page() -> str:
    """The page in Markdown: a heading for each command that production installs."""
    helps = (
        f"{'#' * (1 + min(len(words), 2))} questlog {' '.join(words)}\n\n```text\n{text}\n```\n"
        for listed in COMMANDS
        if listed.package == "deploy"
        for words, text in _helps(load(listed), (listed.name,), None)
    )
    return "\n".join((_INTRODUCTION, *helps))


def _helps(command: Any, words: tuple[str, ...], parent: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    name = words[-1] if parent else f"questlog {words[-1]}"
    context = command.make_context(
        name,
        [],
        parent=parent,
        resilient_parsing=True,
        terminal_width=_COLUMNS,
        help_option_names=["-h", "--help"],
    )
    yield words, command.get_help(context).rstrip()
    for below, one in getattr(command, "commands", {}).items():
        if not one.hidden:
            yield from _helps(one, (*words, below), context)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
