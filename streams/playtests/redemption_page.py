"""The page where a link is redeemed: plain HTML without scripts, readable at phone width. Pure.

A studio's instructions are Markdown by markdown-it: HTML in it is shown as text, links lead to http(s) and
mail addresses alone, images are left out, so that opening the page tells no other server anything.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from schemas.edge.cors import RawHeaders
from schemas.playtests.batch_views import BatchDefinition, IdentityMode

_STYLE: Final = (
    "body{font:1rem/1.5 system-ui,sans-serif;margin:0 auto;max-width:36rem;padding:1rem;color:#1c1c1c;"
    "background:#fff;overflow-wrap:anywhere}"
    "h1{font-size:1.4rem}label{display:block;margin:1rem 0 .25rem}"
    "input,button{font:inherit;width:100%;box-sizing:border-box;padding:.6rem;border:1px solid #767676;"
    "border-radius:.3rem}"
    "button{margin-top:1.25rem;background:#1f4fd8;color:#fff;border:0}"
    "code{display:block;font-size:1.1rem;padding:.75rem;background:#f1f1f1;border-radius:.3rem}"
    "pre{white-space:pre-wrap}.problem{color:#a40000;font-weight:600}"
    "@media(prefers-color-scheme:dark){body{background:#161616;color:#eee}code{background:#2a2a2a}"
    "a{color:#9db8ff}.problem{color:#ff9b9b}}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_TYPE: Final = b"text/html; charset=utf-8"
HEADERS: Final[RawHeaders] = (
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-robots-tag", b"noindex"),
    (
        b"content-security-policy",
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'".encode(),
    ),
)
_NEEDS: Final[dict[IdentityMode, tuple[str, ...]]] = {
    "handle+email": ("handle", "email"),
    "handle": ("handle",),
    "email": ("email",),
    "anonymous": (),
}
_INPUTS: Final = {
    "handle": '<label for="handle">Handle</label><input id="handle" name="handle" required minlength="2" '
    'maxlength="32" pattern="[A-Za-z0-9_\\-]+" autocomplete="nickname" value="{value}">'
    "<small>2 to 32 letters, digits, _ and -</small>",
    "email": '<label for="email">E-mail</label><input id="email" name="email" type="email" required '
    'maxlength="254" autocomplete="email" value="{value}">',
}


def needed(mode: IdentityMode) -> tuple[str, ...]:
    """The fields that a person who redeems a key has to give."""
    return _NEEDS[mode]


def markdown(text: str) -> str:
    """Safe HTML of a studio's Markdown."""
    tokens = _MARKDOWN.parse(text)
    _safe_links(tokens)
    return str(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))


def form_page(
    game_name: str, definition: BatchDefinition, *, note: str | None, problem: str = "", given: dict[str, str]
) -> bytes:
    """The page that asks who redeems the key, with what was wrong the last time."""
    inputs = "".join(
        _INPUTS[name].format(value=escape(given.get(name, ""))) for name in needed(definition.identity_mode)
    )
    parts = [
        f"<h1>A key for {escape(game_name)}</h1>",
        f"<blockquote>{escape(note)}</blockquote>" if note else "",
        markdown(definition.instructions) if definition.instructions else "",
        f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else "",
        f'<form method="post">{inputs}<button type="submit">Show my key</button></form>',
    ]
    return _page(f"A key for {game_name}", "".join(parts))


def key_page(game_name: str, definition: BatchDefinition, *, code: str, claim_token: str | None) -> bytes:
    """The page that shows a key to the person who redeemed it."""
    parts = [
        f"<h1>Your key for {escape(game_name)}</h1>",
        f'<code id="key">{escape(code)}</code>',
        "<p>Keep it: this page shows it again for 24 hours, to this browser alone.</p>",
        markdown(definition.instructions) if definition.instructions else "",
    ]
    if claim_token is not None:
        parts.append(
            "<h2>Link your sessions</h2><p>Give the game this token, and the studio sees your handle:</p>"
            f'<code id="claim-token">{escape(claim_token)}</code>'
        )
    return _page(f"Your key for {game_name}", "".join(parts))


def message_page(title: str, message: str) -> bytes:
    """A page that has nothing to give."""
    return _page(title, f"<h1>{escape(title)}</h1><p>{escape(message)}</p>")


def _page(title: str, body: str) -> bytes:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>{body}</main></body></html>"
    ).encode()


def _safe_links(tokens: list[Token]) -> None:
    for token in tokens:
        if token.type == "link_open":
            token.attrSet("rel", "noopener noreferrer nofollow")
        _safe_links(token.children or [])


class _Safe(MarkdownIt):
    """Links to addresses of the web and of mail alone."""

    def validateLink(self, url: str) -> bool:  # noqa: N802 - markdown-it's name
        return url.strip().lower().startswith(("https://", "http://", "mailto:"))


_MARKDOWN: Final = _Safe("commonmark", {"html": False}).disable("image")
