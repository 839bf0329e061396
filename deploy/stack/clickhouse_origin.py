"""Which requests come from elsewhere than a client on this machine that means this server.

A web page open in a browser here can send a POST to any local port without asking (a "simple" request), and
one whose own name is made to point at 127.0.0.1 can even read the answer (DNS rebinding). Both carry names
that are not this machine's: the first in `Origin`, the second in `Host`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def foreign(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """The first `Host` or `Origin` that names another machine; None where there is none such."""
    for name, value in headers:
        if name == b"host" and not _is_here("//" + value.decode("latin-1")):
            return value
        if name == b"origin" and not _is_here(value.decode("latin-1")):
            return value
    return None


def _is_here(url: str) -> bool:
    try:
        return urlsplit(url).hostname in _HERE
    except ValueError:
        return False
