"""Tokens that say something and prove by an HMAC that this deployment said it. Nothing in them is secret.

A token is `payload.signature`, both base64url without padding. Each purpose signs with a key of its own,
derived from the deployment's secret: a token of one purpose is none of another.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Final

TOKEN_CHARACTERS_MAX: Final = 512
_SECRET_BYTES_MIN: Final = 16


class TokenSigner:
    """Signs and verifies the tokens of one purpose. Raises ValueError for a secret of under 16 bytes."""

    def __init__(self, secret: bytes, purpose: bytes) -> None:
        if len(secret) < _SECRET_BYTES_MIN:
            raise ValueError(f"the signing secret needs at least {_SECRET_BYTES_MIN} bytes")
        self._key = hmac.digest(secret, purpose, "sha256")

    def sign(self, payload: bytes) -> str:
        """The token that holds this payload."""
        return f"{_text(payload)}.{_text(self._signature(payload))}"

    def verified(self, token: str) -> bytes | None:
        """The payload of a token that this signer made; None of any other text."""
        if len(token) > TOKEN_CHARACTERS_MAX:
            return None
        head, _, tail = token.partition(".")
        try:
            payload, signature = _bytes(head), _bytes(tail)
        except (binascii.Error, ValueError):
            return None
        return payload if hmac.compare_digest(signature, self._signature(payload)) else None

    def _signature(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, payload, "sha256")


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
