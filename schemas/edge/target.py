"""Whether the target of a request can be read at all. Pure.

Percent-decoders put U+FFFD in the place of what is not UTF-8, so that `%FF` and `%FE` would name one player.
Every process asks here first, and answers 400 in the surface's shape.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_to_bytes

_MESSAGE: Final = "is not UTF-8: percent-encode the bytes of UTF-8 text"


def target_problem(raw_path: bytes, query: bytes) -> str | None:
    """What is wrong with a path and a query as they came; None where both are UTF-8 once decoded.

    Overlong forms, encoded surrogates and cut-off sequences are not UTF-8. `%2F` and `%00` are: the first is
    a slash inside of an id, the second is refused where an id is expected.
    """
    if (b"%" in raw_path or not raw_path.isascii()) and not _is_utf8(raw_path):
        return f"the path {_MESSAGE}"
    if (b"%" in query or not query.isascii()) and not _is_utf8(query):
        return f"the query {_MESSAGE}"
    return None


def _is_utf8(text: bytes) -> bool:
    try:
        unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return False
    return True
