"""Headers that every answer of an edge has, so that no browser takes it for what it is not.

What an answer says itself stands: the dashboard and the documentation have policies of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_POLICY: Final = (
    b"default-src 'none'; img-src 'self'; media-src 'self'; object-src 'none'; base-uri 'none'; "
    b"form-action 'none'; frame-ancestors 'none'"
)
_ALWAYS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", _POLICY),
    (b"cache-control", b"no-store"),
)
_HTTPS: Final = ((b"strict-transport-security", b"max-age=31536000; includeSubDomains"),)


class SafeHeaders:
    """Puts them into answers. `https`: clients come over HTTPS, so that they may be asked to for a year."""

    def __init__(self, *, https: bool) -> None:
        self._headers = _ALWAYS + (_HTTPS if https else ())

    def sending(self, send: Send) -> Send:
        """`send` with what an answer's head lacks."""

        async def complete(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                given = message.get("headers", [])
                names = {name for name, _ in given}
                message["headers"] = [*given, *(one for one in self._headers if one[0] not in names)]
            await send(message)

        return complete
