"""Which header carries a credential on each surface, and what to read from it. Pure.

Source: contract/common.md's table of surfaces and contract/telemetry.md. Headers are ASGI's: lower-case
names and raw bytes, in order, repeats included. A credential header that comes twice with different values
names no principal: which one counts would depend on the reader.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

Headers = Iterable[tuple[bytes, bytes]]

CREDENTIAL_BYTES_MAX: Final = 512


class Ambiguous(ValueError):
    """A credential header came twice with different values."""


def header(headers: Headers, name: bytes) -> str:
    """The value of a header, stripped; empty where it is missing. Raises `Ambiguous`."""
    found: bytes | None = None
    for key, value in headers:
        if key == name:
            if found is not None and found != value:
                raise Ambiguous(f"the header {name.decode()} came twice with different values")
            found = value
    return found.decode("latin-1").strip() if found else ""


def bearer(headers: Headers) -> str:
    """The token of `Authorization: Bearer`, S1's and S2's credential; empty where there is none."""
    scheme, _, token = header(headers, b"authorization").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def s4_public_token(headers: Headers) -> str:
    """S4 ingest: `x-public-token`, else the legacy `x-api-key` that holds the public token."""
    items = list(headers)
    return header(items, b"x-public-token") or header(items, b"x-api-key")


def s4_secret(headers: Headers) -> str:
    """S4's protected routes: `x-api-key`, else `Authorization: Bearer`."""
    items = list(headers)
    return header(items, b"x-api-key") or bearer(items)


def s3_key(headers: Headers) -> str:
    """S3: `Authorization: Bearer`, else `X-Api-Key`."""
    items = list(headers)
    return bearer(items) or header(items, b"x-api-key")


def s5_key(headers: Headers) -> str:
    """S5: `api-key`."""
    return header(headers, b"api-key")
