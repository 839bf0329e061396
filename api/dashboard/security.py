"""Headers on every dashboard answer, and the check that a form was posted by our own page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.edge.same_origin import same_origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import Request

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

NOT_OUR_PAGE: Final = "Such a key is given to the dashboard's own page alone."
"""What is said where `posted_by_our_page` is false."""

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


def private_headers(media_origins: Sequence[str]) -> dict[str, str]:
    """The same for a page that may play video of these origins, and of its own."""
    media = " ".join(("media-src 'self'", *media_origins))
    return {**PRIVATE_HEADERS, "Content-Security-Policy": f"{_POLICY}; {media}"}


def posted_by_our_page(request: Request) -> bool:
    """Whether a form post came from this origin."""
    headers = request.headers
    return same_origin(headers.get("sec-fetch-site"), headers.get("origin"), headers.get("host", ""))
