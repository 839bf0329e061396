"""What a request's limit says in its answer's headers."""

from __future__ import annotations

import msgspec

from schemas.edge.cors import RawHeaders


class Limited(msgspec.Struct):
    """The headers that a request's answer has from its limit; none before the limit was asked."""

    headers: RawHeaders = ()
