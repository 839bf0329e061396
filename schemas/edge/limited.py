"""What a request has from its limit: its answer's headers, and what else it can be charged with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from schemas.edge.cors import RawHeaders


async def _nothing() -> None:
    return


class Limited(msgspec.Struct):
    """Nothing before the limit was asked."""

    headers: RawHeaders = ()
    charge: Callable[[], Awaitable[object]] = _nothing
    """Takes one call more of the limit that was asked last."""
