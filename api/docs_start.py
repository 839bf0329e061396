"""The bodies of `/docs`: the start page, what a search found, and the console. HTML, without script. Pure."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from api.docs_guides import GUIDES, Guide, Part, contents, guide
from api.docs_search import QUESTION_CHARACTERS_MAX


def search_form(question: str = "") -> str:
    """Asks `/docs?q=…`."""
    return (
        '<form role="search" action="/docs" method="get"><label for="q">Search the documentation</label> '
        f'<input id="q" name="q" type="search" maxlength="{QUESTION_CHARACTERS_MAX}" '
        f'value="{html.escape(question)}" placeholder="send an event from Unity"> '
        '<button type="submit">Search</button></form>\n'
    )


def start_body(documents: Mapping[str, Mapping[str, Any]]) -> str:
    """All guides, all surfaces, the definition file, the console and the dashboard."""
    guides = "\n".join(_guide_line(guide(name)) for name in GUIDES)
    surfaces = "\n".join(
        f'<li><a href="/docs/{html.escape(name)}">{html.escape(document["info"]["title"])}</a>'
        f"<p>{html.escape(document['info'].get('description', '').strip().partition(chr(10))[0])}</p>"
        f'<p><a href="/docs/{html.escape(name)}/openapi.json">OpenAPI document</a></p></li>'
        for name, document in documents.items()
    )
    return (
        "<h1>questlog: documentation</h1>\n"
        + search_form()
        + f'<h2 id="guides">Guides</h2>\n<ul>{guides}</ul>\n'
        '<p><a href="/docs/definition">The definition file</a> &middot; '
        '<a href="/docs/console">Try it out with MessagePack</a> &middot; '
        '<a href="/dashboard">Dashboard</a></p>\n'
        f'<h2 id="apis">The APIs, operation by operation</h2>\n<ul>{surfaces}</ul>'
    )


def _guide_line(one: Guide) -> str:
    inner = ", ".join(
        f'<a class="inner" href="{html.escape(part.url)}">{html.escape(part.title)}</a>'
        for part in one.parts[1:]
    )
    return f'<li><a href="{one.url}">{html.escape(one.title)}</a><p>{inner}</p></li>'


def found_body(question: str, found: Sequence[Part]) -> str:
    """What a search found, or that it found nothing."""
    items = "\n".join(
        f'<li><a href="{html.escape(part.url)}">{html.escape(part.title)}</a></li>' for part in found
    )
    nothing = "<p>Nothing holds these words. Try fewer or others, or look through all documents.</p>"
    return (
        '<p><a href="/docs">All documents</a></p>\n<h1>Search</h1>\n'
        + search_form(question)
        + (f'<ol id="found">\n{items}\n</ol>' if found else nothing)
    )


def guide_body(one: Guide) -> str:
    """A guide with its list of headings below its title."""
    title, _, rest = one.body.partition("</h1>\n")
    return f'<p><a href="/docs">All documents</a></p>\n{title}</h1>\n{contents(one)}{rest}'


def console_body(paths: Sequence[str], examples: Mapping[str, str]) -> str:
    """A form that sends JSON as MessagePack, by `console.js`. `examples` are JSON texts by their names."""
    options = "".join(f"<option>{html.escape(path)}</option>" for path in paths)
    samples = "".join(
        f'<option value="{html.escape(text)}">{html.escape(name.replace("_", " "))}</option>'
        for name, text in examples.items()
    )
    first = html.escape(next(iter(examples.values())))
    return (
        '<p><a href="/docs">All documents</a> &middot; '
        '<a href="/docs/s4">S4, operation by operation</a></p>\n'
        "<h1>Try it out with MessagePack</h1>\n"
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
