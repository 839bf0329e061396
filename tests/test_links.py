"""Links between the documents of the repository lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
ROOMS: Final = ("", "api", "deploy", "projections", "schemas", "streams", "tests")
DOCUMENTS: Final = sorted(
    path.relative_to(ROOT).as_posix()
    for room in ROOMS
    for path in ((ROOT / room).rglob("*.md") if room else ROOT.glob("*.md"))
    if "node_modules" not in path.parts
)
_LINK: Final = re.compile(r"\]\((?!https?:|/)([^)\s]+)\)")


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_a_document_links_to_is_there(document: str) -> None:
    path = ROOT / document
    for link in _LINK.findall(path.read_text("utf-8")):
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_documents_are_found_and_links_read() -> None:
    assert {"README.md", "schemas/README.md", "streams/README.md"} <= set(DOCUMENTS)
    assert _LINK.findall("[a](b/c.md#d) [e](https://f) [g](#h) [i](/docs)") == ["b/c.md#d", "#h"]
    assert "adding-an-event-a-route-a-noun" in anchors(ROOT / "README.md")
