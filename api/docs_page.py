"""The frame of the pages at `/docs`: search, navigation and text. They load nothing from another host."""

from __future__ import annotations

import functools
import html
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fastapi.responses import HTMLResponse

from api.docs_navigation import Page, navigation, pages_of
from api.docs_search import QUESTION_CHARACTERS_MAX

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fastapi import Response

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
STYLE: Final = (Path(__file__).parent / "docs_static/docs.css").read_text(encoding="utf-8")
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="/docs/static/favicon.png">
<style>
{style}</style>
{head}
<script src="/docs/static/docs.js" defer></script>
</head>
<body class="{kind}">
<a class="skip" href="#content">Skip to the text</a>
<header>
<a class="brand" href="/docs">questlog</a>
<button type="button" class="menu" popovertarget="pages">Pages</button>
<form role="search" action="/docs" method="get">
<label for="q">Search</label>
<input id="q" name="q" type="search" maxlength="{longest}" value="{question}" aria-keyshortcuts="/"
 placeholder="send an event from Unity">
<button type="submit">Search</button>
</form>
</header>
{navigation}<main id="content" tabindex="-1">
{body}
</main>
</body>
</html>
"""


class Frame:
    """Makes whole pages of bodies. Its navigation is made with the first page: documents take some CPU."""

    def __init__(
        self, documents: Mapping[str, Callable[[], Mapping[str, Any]]], *, has_tables: bool = False
    ) -> None:
        """`documents` gives OpenAPI documents by their names."""
        self._documents = documents
        self._has_tables = has_tables

    @functools.cached_property
    def pages(self) -> tuple[Page, ...]:
        """All pages that there are."""
        return pages_of({name: give() for name, give in self._documents.items()}, has_tables=self._has_tables)

    def answer(
        self, title: str, body: str, url: str, *, question: str = "", head: str = "", kind: str = "prose"
    ) -> Response:
        """The page at `url`. `body` and `head` are HTML, other texts plain; `kind`: `prose` or `swagger`."""
        text = _PAGE.format(
            title=html.escape(title),
            style=STYLE,
            head=head,
            kind=kind,
            longest=QUESTION_CHARACTERS_MAX,
            question=html.escape(question),
            navigation=navigation(self.pages, url),
            body=body,
        )
        return HTMLResponse(text, headers=HEADERS)
