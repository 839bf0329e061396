"""A write of S5 as its handler gets it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from schemas.edge.zod import Issue
from schemas.fleet.access import Caller
from schemas.fleet.bodies import unprintable
from schemas.fleet.validation import Fields
from streams.gateway.keyed_requests import KeyedRequest


class StopFields(Fields, frozen=True, kw_only=True):
    """What a stop's query says."""

    shutdown_reason: str | None = None


class UploadFields(Fields, frozen=True, kw_only=True):
    """What an upload's query says."""

    name: str
    executable_path: str

    def problems(self) -> Iterator[Issue]:
        """Servers are started by the name, as `version_tag`."""
        yield from unprintable("name", self.name)


class ProcessFields(Fields, frozen=True, kw_only=True):
    """What a query for processing says."""

    name: str | None = None


class Write(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One write that its caller may ask for, read and keyed."""

    caller: Caller
    asked: KeyedRequest
    path: Mapping[str, str]
    by_old_client: bool = False
    """By v2, whose uploads are processed without a call."""

    @property
    def body(self) -> Any:
        """The body, or what the query says where there is none."""
        return self.asked.body
