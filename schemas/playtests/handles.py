"""Handles of testers as S1 lists them: who was ever linked, and what their devices did. Times in unix ms."""

from __future__ import annotations

from typing import Protocol

import msgspec


class HandleRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A handle that is or was linked to a device, with sums over its sessions.

    Those are the device's sessions that began from `claimed_at_ms` until the handle was unlinked, if it was.
    """

    id: str
    handle: str
    key_id: str
    device_id: str
    created_at_ms: int
    """When the key was redeemed under it."""
    claimed_at_ms: int
    sessions: int = 0
    active_ms: int = 0
    last_seen_at_ms: int | None = None
    """Time of the latest event; None before there is a session."""
    countries: int = 0
    """Different known ones."""


class HandleReads(Protocol):
    """In ClickHouse: it trails the log by what `/readyz` shows."""

    async def handles(self, studio_id: str, game_id: str) -> list[HandleRow]:
        """Every handle of a game that was ever linked, in no order.

        Raises `schemas.edge.ports.StoreUnavailable`.
        """
        ...
