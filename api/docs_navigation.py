"""Which pages `/docs` has, and the navigation over them that every page shows. Pure."""

from __future__ import annotations

import html
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import msgspec

from api.docs_guides import COMMANDS, GUIDES, guide
from api.docs_packed import packed_bodies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REFERENCE: Final = "Reference"
START: Final = "/docs"
DEFINITION: Final = "/docs/definition"
CONSOLE: Final = "/docs/console"
TABLES: Final = "/docs/tables"


class Page(msgspec.Struct, frozen=True):
    """A page of the documentation. Texts are plain."""

    group: str
    title: str
    url: str


def pages_of(documents: Mapping[str, Mapping[str, Any]], *, has_tables: bool) -> tuple[Page, ...]:
    """All pages in their order, those of a group together. `documents` are OpenAPI documents by name."""
    has_console = any(map(packed_bodies, documents.values()))
    return (
        Page("", "All documents", START),
        *(Page("Guides", guide(name).title, guide(name).url) for name in GUIDES),
        *(Page("APIs", one["info"]["title"], f"/docs/{name}") for name, one in documents.items()),
        Page(REFERENCE, "The definition file", DEFINITION),
        *([Page(REFERENCE, "Tables for analysts", TABLES)] if has_tables else []),
        Page(REFERENCE, guide(COMMANDS).title, guide(COMMANDS).url),
        *([Page(REFERENCE, "Try it out with MessagePack", CONSOLE)] if has_console else []),
        Page(REFERENCE, "Dashboard", "/dashboard"),
    )


def title_of(pages: Sequence[Page], url: str) -> str:
    """The title of the page that an address, with or without an anchor, is on; empty where none is."""
    path = url.partition("#")[0]
    return next((page.title for page in pages if page.url == path), "")


def navigation(pages: Sequence[Page], current: str) -> str:
    """Links to all pages in HTML, the current one marked."""
    groups = "".join(
        (f"<h2>{html.escape(group)}</h2>" if group else "") + f"<ul>{_items(list(some), current)}</ul>\n"
        for group, some in groupby(pages, key=lambda page: page.group)
    )
    return f'<nav id="pages" class="pages" popover aria-label="Pages">\n{groups}</nav>\n'


def _items(pages: Sequence[Page], current: str) -> str:
    return "\n".join(
        f'<li><a href="{html.escape(page.url)}"{_mark(page, current)}>{html.escape(page.title)}</a></li>'
        for page in pages
    )


def _mark(page: Page, current: str) -> str:
    return ' aria-current="page"' if page.url == current else ""
