"""The guides at `/docs/guides/…`: Markdown files of this package, as HTML and as sections to search. Pure.

Source of each: `guides/<name>.md`. Its first line is its title; every heading can be linked to.
"""

from __future__ import annotations

import html
import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from markdown_it.token import Token

_FOLDER: Final = Path(__file__).parent / "guides"
GUIDES: Final = (
    "start",
    "events-json",
    "events-messagepack",
    "live-ops",
    "playtests",
    "servers",
    "mcp",
    "webhooks",
    "errors",
    "apply",
    "changelog",
)
"""In the order of the start page."""
COMMANDS: Final = "command-line"
"""The help of every command: written by `python -m deploy.cli.reference`, and a test holds it to that."""
_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).enable("table")


class Part(msgspec.Struct, frozen=True):
    """A heading with what stands below it."""

    title: str
    url: str
    text: str


class Guide(msgspec.Struct, frozen=True):
    """A whole guide."""

    name: str
    title: str
    body: str
    """HTML."""
    parts: tuple[Part, ...]
    """The first is the guide itself, up to its first inner heading."""
    inner: tuple[Part, ...]
    """Those of its headings of the second level."""

    @property
    def url(self) -> str:
        """Its page."""
        return f"/docs/guides/{self.name}"


@cache
def guide(name: str) -> Guide:
    """One of `GUIDES`, or `COMMANDS`. Raises KeyError for any other name."""
    if name not in {*GUIDES, COMMANDS}:
        raise KeyError(name)
    source = (_FOLDER / f"{name}.md").read_text(encoding="utf-8")
    tokens = _MARKDOWN.parse(source)
    lines = source.splitlines()
    starts = []
    for token, inline in pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", _anchor(inline.content))
            starts.append((_plain(inline), (token.map or [0, 0])[0], token.tag))
    ends = [line for _, line, _ in starts[1:]] + [len(lines)]
    url = f"/docs/guides/{name}"
    parts = tuple(
        Part(
            title,
            f"{url}#{_anchor(title)}" if number else url,
            "\n".join(lines[line + 1 : end]),
        )
        for number, ((title, line, _), end) in enumerate(zip(starts, ends, strict=True))
    )
    body = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    inner = tuple(part for part, (_, _, tag) in zip(parts, starts, strict=True) if tag == "h2")
    return Guide(name, parts[0].title, _scrolling(body), parts, inner)


def _anchor(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _plain(inline: Token) -> str:
    return "".join(child.content for child in inline.children or ())


def _scrolling(body: str) -> str:
    """Tables and code scroll by themselves on a phone, by the keyboard too."""
    body = body.replace("<table>", '<div class="wide" tabindex="0"><table>')
    return body.replace("</table>", "</table></div>").replace("<pre>", '<pre tabindex="0">')


def contents(one: Guide) -> str:
    """The list of a guide's inner headings, in HTML; empty where there are fewer than three."""
    if len(one.inner) < 3:
        return ""
    items = "\n".join(
        f'<li><a href="{html.escape(part.url)}">{html.escape(part.title)}</a></li>' for part in one.inner
    )
    return f'<nav aria-label="On this page"><ul>\n{items}\n</ul></nav>\n'
