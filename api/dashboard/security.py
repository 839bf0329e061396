"""Headers on every dashboard answer, and the check that a form was posted by our own page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from fastapi import Request

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: that would turn the Origin of our own form posts into "null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
PRIVATE_HEADERS: Final = {**HEADERS, "Cache-Control": "no-store", "Vary": "Cookie"}


def posted_by_our_page(request: Request) -> bool:
    """Whether a form post came from this origin.

    Browsers say so in Sec-Fetch-Site (on https and localhost) and in Origin (everywhere); neither can be set
    by another site's page. A post with neither is no browser's, and is refused too.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is not None and _host_of(origin) == request.headers.get("host", "")


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # an address that ends within its brackets
        return None
