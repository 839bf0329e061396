"""The address of ClickHouse and its login: a URL taken apart, so that no message shows its password."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote, urlsplit


class Address(NamedTuple):
    """`url` ends in a slash and holds no credentials; `headers` carry them, and are for no log."""

    url: str
    headers: dict[str, str]


def address(url: str) -> Address:
    """Take http(s)://[user:password@]host[:port][/path] apart. Raises ValueError, not showing the URL."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise ValueError("ClickHouse's URL must be http(s)://[user:password@]host:port") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("ClickHouse's URL must be http(s)://[user:password@]host:port")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    headers = (
        {"X-ClickHouse-User": unquote(parts.username), "X-ClickHouse-Key": unquote(parts.password or "")}
        if parts.username
        else {}
    )
    return Address(f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}/", headers)
