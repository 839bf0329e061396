"""The samples of the guides, taken out of their Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

GUIDES: Final = Path(__file__).parents[1] / "api" / "guides"
_HEADING: Final = "## "
_FENCE: Final = "```"


class Sample(NamedTuple):
    """One fenced text below a heading."""

    guide: str
    title: str
    language: str
    text: str


def samples() -> list[Sample]:
    """Of all guides, in their order."""
    return [one for file in sorted(GUIDES.glob("*.md")) for one in _of(file)]


def _of(file: Path) -> Iterator[Sample]:
    title, language = "", ""
    held: list[str] = []
    for line in file.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.startswith(_FENCE):
            if language:
                yield Sample(file.stem, title, language, "".join(held))
            language = "" if language else line.removeprefix(_FENCE).strip()
            held = []
        elif language:
            held.append(line)
        elif line.startswith(_HEADING):
            title = line.removeprefix(_HEADING).strip()
