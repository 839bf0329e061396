"""What a handler of S5's reads is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from schemas.fleet.access import Caller


class Asked(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One request whose caller may make it. `caller` is None where no key is needed."""

    caller: Caller | None
    names: Mapping[str, str]
    query: Mapping[str, Any]

    @property
    def known_caller(self) -> Caller:
        """The caller of a route that takes a key."""
        if self.caller is None:
            raise TypeError("the route takes no key")
        return self.caller
