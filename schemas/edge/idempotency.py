"""The `Idempotency-Key` of keyed writes in documents: as it is sent, and as it is answered."""

from __future__ import annotations

from typing import Final

from schemas.edge.parameters import Parameter, Text
from schemas.edge.routes import Header
from schemas.identifiers import IDEMPOTENCY_KEY_CHARACTERS_MAX

KEY_PATTERN: Final = "[!-~]([ -~]*[!-~])?"
KEY_EXAMPLE: Final = "8c1f2f0a-6f5b-4a3e-9d51-2b7c4e0f9a63"
KEY_ANSWERED: Final = {"Idempotency-Key": Header("The key that this request has, given or made.")}


def key_parameter(description: str) -> Parameter:
    """The header of a request."""
    return Parameter(
        name="Idempotency-Key",
        place="header",
        kind=Text(1, IDEMPOTENCY_KEY_CHARACTERS_MAX, KEY_PATTERN),
        description=description,
        example=KEY_EXAMPLE,
    )
