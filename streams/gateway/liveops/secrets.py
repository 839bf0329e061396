"""Player secrets: shown once, recomputable for a keyed retry, never in the log. Pure.

Source: architecture rule 12.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

PREFIX: Final = "ps_"
_DIGITS: Final = 40


def player_secret(secret: bytes, command_id: str) -> str:
    """The secret that a register or rotate command gives, from the deployment's secret (160 bits)."""
    message = b"player-secret\0" + command_id.encode()
    return PREFIX + hmac.new(secret, message, hashlib.sha256).hexdigest()[:_DIGITS]
