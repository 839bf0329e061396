"""Who calls S2 without a key: the operator by a token, the payment provider's adapter by a signature. Pure.

Source: contract/playtests.md, "Paying". A deployment that has no token or secret answers 404 there.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

_SIGNATURE: Final = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")
AGE_MAX_S: Final = 5 * 60
"""How old a signed event may be, and how far ahead its clock."""


def is_token(presented: str, token: str) -> bool:
    """Whether a presented token is the operator's."""
    given, held = (
        hashlib.sha256(one.encode("utf-8", "surrogatepass")).digest() for one in (presented, token)
    )
    return hmac.compare_digest(given, held)


def is_signed(header: str, body: bytes, secret: str, now_s: int) -> bool:
    """Whether `t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">` is of this body, and not old."""
    match = _SIGNATURE.fullmatch(header)
    if match is None or abs(now_s - int(match[1])) > AGE_MAX_S:
        return False
    signed = match[1].encode() + b"." + body
    return hmac.compare_digest(hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest(), match[2])
