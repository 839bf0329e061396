"""Signed addresses of objects that the edge itself serves: HMAC-SHA256 over all that they allow."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final
from urllib.parse import quote

URL_PATH: Final = "/objects/"
_KEY: Final = re.compile(r"[A-Za-z0-9_.\-]{1,200}(?:/[A-Za-z0-9_.\-]{1,200}){0,8}\Z")


def is_key(key: str) -> bool:
    """Whether it is a key of ours: it leaves no folder and holds what keys may hold."""
    return _KEY.match(key) is not None and not any(set(part) == {"."} for part in key.split("/"))


class SignedUrls:
    """Addresses that let their holder read, or write, one object until a time."""

    def __init__(self, *, base_url: str, secret: bytes) -> None:
        self._base_url = base_url.rstrip("/")
        self._secret = hmac.digest(secret, b"objects", "sha256")

    def download(self, key: str, *, expires_at_ms: int) -> str:
        """Where GET answers this object."""
        signature = self._signature(key, expires_at_ms, None)
        return f"{self._base_url}{URL_PATH}{quote(key)}?expires={expires_at_ms}&signature={signature}"

    def public(self, key: str) -> str:
        """Where GET answers this object of the public folder, without a signature."""
        return f"{self._base_url}{URL_PATH}{quote(key)}"

    def upload(self, key: str, *, bytes_max: int, expires_at_ms: int) -> str:
        """Where PUT takes in this object, of at most so many bytes."""
        signature = self._signature(key, expires_at_ms, bytes_max)
        query = f"expires={expires_at_ms}&bytes_max={bytes_max}&signature={signature}"
        return f"{self._base_url}{URL_PATH}{quote(key)}?{query}"

    def verify(
        self, key: str, *, expires_at_ms: int, bytes_max: int | None, signature: str, now_ms: int
    ) -> bool:
        """True where `signature` is this object's (an upload's with `bytes_max`), and in time."""
        if expires_at_ms < now_ms or not is_key(key):
            return False
        given = signature.encode(errors="surrogatepass")  # as bytes: any text may come
        return hmac.compare_digest(self._signature(key, expires_at_ms, bytes_max).encode(), given)

    def _signature(self, key: str, expires_at_ms: int, bytes_max: int | None) -> str:
        text = f"{expires_at_ms}:{key}" if bytes_max is None else f"PUT:{expires_at_ms}:{bytes_max}:{key}"
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()
