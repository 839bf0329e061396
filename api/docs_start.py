"""The bodies of `/docs`: the start page, what a search found, and the console. HTML, without script. Pure."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from api.docs_guides import GUIDES, Guide, contents, guide
from api.docs_navigation import REFERENCE, title_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from api.docs_navigation import Page
    from api.docs_search import Found
    from schemas.described_views import DescribedView


def start_body(documents: Mapping[str, Mapping[str, Any]], pages: Sequence[Page]) -> str:
    """All guides with their headings, all surfaces, and what else there is."""
    guides = "\n".join(_guide_line(guide(name)) for name in GUIDES)
    surfaces = "\n".join(
        f'<li><a href="/docs/{html.escape(name)}">{html.escape(document["info"]["title"])}</a>'
        f"<p>{html.escape(document['info'].get('description', '').strip().partition(chr(10))[0])}</p>"
        f'<p><a href="/docs/{html.escape(name)}/openapi.json">OpenAPI document</a></p></li>'
        for name, document in documents.items()
    )
    reference = "\n".join(
        f'<li><a href="{html.escape(page.url)}">{html.escape(page.title)}</a></li>'
        for page in pages
        if page.group == REFERENCE
    )
    return (
        "<h1>questlog: documentation</h1>\n"
        f'<h2 id="guides">Guides</h2>\n<ul>{guides}</ul>\n'
        f'<h2 id="apis">The APIs, operation by operation</h2>\n<ul>{surfaces}</ul>\n'
        f'<h2 id="reference">Reference</h2>\n<ul>{reference}</ul>'
    )


def _guide_line(one: Guide) -> str:
    inner = ", ".join(
        f'<a class="inner" href="{html.escape(part.url)}">{html.escape(part.title)}</a>' for part in one.inner
    )
    return f'<li><a href="{one.url}">{html.escape(one.title)}</a><p>{inner}</p></li>'


def found_body(question: str, found: Sequence[Found], pages: Sequence[Page]) -> str:
    """What a search found, with the page it is on and a line of it; or that it found nothing."""
    items = "\n".join(_found_item(one, title_of(pages, one.part.url)) for one in found)
    nothing = "<p>Nothing holds these words. Try fewer or others, or look through all documents.</p>"
    heading = f"<h1>Search: {html.escape(question)}</h1>\n"
    return heading + (f'<ol id="found">\n{items}\n</ol>' if found else nothing)


def _found_item(one: Found, page: str) -> str:
    where = f"{html.escape(page)} &rsaquo; " if page and page != one.part.title else ""
    line = "".join(
        f"<mark>{html.escape(piece)}</mark>" if is_word else html.escape(piece) for piece, is_word in one.line
    )
    title = html.escape(one.part.title)
    return f'<li><a href="{html.escape(one.part.url)}">{where}{title}</a><p>{line}</p></li>'


def guide_body(one: Guide) -> str:
    """A guide with its list of headings below its title."""
    title, _, rest = one.body.partition("</h1>\n")
    return f"{title}</h1>\n{contents(one)}{rest}"


def tables_body(tables: Sequence[DescribedView]) -> str:
    """What analysts' views hold: each with its columns."""
    return (
        "<h1>Tables for analysts</h1>\n"
        "<p>The views of the database <code>questlog_views</code> in ClickHouse. "
        "<code>questlog analysts create</code> makes an account that reads them; "
        "<code>questlog sql --describe</code> prints the same.</p>\n" + "\n".join(map(_table, tables))
    )


def _table(view: DescribedView) -> str:
    rows = "\n".join(
        f"<tr><td><code>{html.escape(one.name)}</code></td><td><code>{html.escape(one.type)}</code></td>"
        f"<td>{html.escape(one.comment)}</td></tr>"
        for one in view.columns
    )
    return (
        f'<h2 id="{view.name}">{view.name}</h2>\n<p>{html.escape(view.comment)}</p>\n'
        '<div class="wide" tabindex="0"><table>\n'
        "<thead><tr><th>Column</th><th>Type</th><th>What it holds</th></tr></thead>\n"
        f"<tbody>\n{rows}\n</tbody></table></div>"
    )


def console_body(paths: Sequence[str], examples: Mapping[str, str]) -> str:
    """A form that sends JSON as MessagePack, by `console.js`. `examples` are JSON texts by their names."""
    options = "".join(f"<option>{html.escape(path)}</option>" for path in paths)
    samples = "".join(
        f'<option value="{html.escape(text)}">{html.escape(name.replace("_", " "))}</option>'
        for name, text in examples.items()
    )
    first = html.escape(next(iter(examples.values())))
    return (
        "<h1>Try it out with MessagePack</h1>\n"
        '<p><a href="/docs/s4">S4, operation by operation</a></p>\n'
        "<p>Write JSON: the page packs it as MessagePack and sends that to this address. The token goes "
        "nowhere else and is not kept.</p>\n"
        '<form id="console" class="console">\n'
        f'<label for="path">Path</label><select id="path">{options}</select>\n'
        '<label for="token">Public token</label><input id="token" autocomplete="off" spellcheck="false">\n'
        f'<label for="sample">Example</label><select id="sample">{samples}</select>\n'
        '<label for="body">Body, as JSON</label>'
        f'<textarea id="body" rows="14" spellcheck="false">{first}</textarea>\n'
        '<button type="submit">Send as MessagePack</button>\n</form>\n'
        "<h2>Answer</h2>\n"
        '<pre id="answer" tabindex="0" role="status" aria-live="polite">Nothing was sent yet.</pre>\n'
        '<h2>The same with curl</h2>\n<pre id="curl" tabindex="0"></pre>\n'
        '<script src="/docs/static/msgpack.min.js"></script>\n'
        '<script src="/docs/static/console.js"></script>\n'
        '<p><a href="/docs/static/msgpack.LICENSE.txt">@msgpack/msgpack, ISC licence</a></p>'
    )
