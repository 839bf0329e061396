"""Whether a browser says that a request was made by a page of the address that it goes to. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit


def same_origin(site: str | None, origin: str | None, host: str) -> bool:
    """`site` is Sec-Fetch-Site, `origin` is Origin (None where missing), `host` is Host.

    Browsers send the first on https and localhost and the second with every POST; neither can be set by
    another site's page. What has neither is no browser's, and False too.
    """
    if site is not None:
        return site == "same-origin"
    return origin is not None and _host_of(origin) == host


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # an address that ends within its brackets
        return None
