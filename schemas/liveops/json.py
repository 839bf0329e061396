"""S3's JSON shapes, shared by the write side's answers and the read side's. Pure.

Source: the live-ops contract's table of schemas. Inside times are unix milliseconds and names snake_case;
here they are ISO 8601 and camelCase.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from schemas.liveops.ports import HoldingRow, LedgerRow, LobbyRow
from schemas.liveops.views import Attempt, Grant, GrantEntry, grant_status
from schemas.timestamps import iso_ms

encode: Final = msgspec.json.Encoder().encode
"""Any of these shapes as JSON."""


class Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Base: fields as S3 names them."""


class AttemptJson(Shape, frozen=True, kw_only=True):
    """`attempt`."""

    id: str
    event_key: str
    window_id: str
    status: str
    metrics: dict[str, float]
    score: float
    started_at: str
    completed_at: str | None
    lobby_id: str | None


class GrantSource(Shape, frozen=True, kw_only=True):
    """A grant's `source`; a server's grant has neither event nor attempt."""

    event_key: str | None
    attempt_id: str | None
    trigger: str


class GrantJson(Shape, frozen=True, kw_only=True):
    """`grant`. `entries` are empty for a crate."""

    id: str
    kind: str
    status: str
    source: GrantSource
    entries: list[GrantEntry]
    parent_grant_id: str | None
    acked_by: str | None
    created_at: str
    claimed_at: str | None
    expires_at: str | None


class WalletJson(Shape, frozen=True, kw_only=True):
    """A wallet's `entry`."""

    economy_key: str
    balance: int
    updated_at: str


class ItemJson(Shape, frozen=True, kw_only=True):
    """An inventory's `item`."""

    item_key: str
    quantity: int
    updated_at: str


class LobbyPlayer(Shape, frozen=True, kw_only=True):
    """Somebody in a lobby."""

    external_id: str
    joined_at: str


class LobbyJson(Shape, frozen=True, kw_only=True):
    """`lobby`."""

    id: str
    event_key: str
    status: str
    size: int
    players: list[LobbyPlayer]
    bots: int
    fills_at: str


class MovementJson(Shape, frozen=True, kw_only=True):
    """A ledger row: `amount` is what was added, negative for what was taken; `balance` is what it left."""

    number: int
    type: str
    key: str
    amount: int
    balance: int
    cause: str
    reason: str
    grant_id: str | None
    table_version: str | None
    seed: str | None
    command_id: str
    occurred_at: str


def attempt(value: Attempt) -> AttemptJson:
    """An attempt as it is shown."""
    return AttemptJson(
        id=value.id,
        event_key=value.event_key,
        window_id=value.window_id,
        status=value.status,
        metrics=value.metrics,
        score=value.score,
        started_at=iso_ms(value.started_at_ms),
        completed_at=_time(value.completed_at_ms),
        lobby_id=value.lobby_id,
    )


def grant(value: Grant, now_ms: int) -> GrantJson:
    """A grant as it is shown at a time: a pending one may have expired."""
    return GrantJson(
        id=value.id,
        kind=value.kind,
        status=grant_status(value, now_ms),
        source=GrantSource(event_key=value.event_key, attempt_id=value.attempt_id, trigger=value.trigger),
        entries=value.entries,
        parent_grant_id=value.parent_grant_id,
        acked_by=value.acked_by,
        created_at=iso_ms(value.created_at_ms),
        claimed_at=_time(value.claimed_at_ms),
        expires_at=_time(value.expires_at_ms),
    )


def wallet_entry(row: HoldingRow) -> WalletJson:
    """A balance as it is shown."""
    return WalletJson(economy_key=row.key, balance=row.quantity, updated_at=iso_ms(row.updated_at_ms))


def item(row: HoldingRow) -> ItemJson:
    """A holding as it is shown."""
    return ItemJson(item_key=row.key, quantity=row.quantity, updated_at=iso_ms(row.updated_at_ms))


def lobby(row: LobbyRow) -> LobbyJson:
    """A lobby as it is shown."""
    return LobbyJson(
        id=row.id,
        event_key=row.event_key,
        status=row.status,
        size=row.size,
        players=[LobbyPlayer(external_id=who, joined_at=iso_ms(at_ms)) for who, at_ms in row.players],
        bots=row.bots,
        fills_at=iso_ms(row.fills_at_ms),
    )


def movement(row: LedgerRow) -> MovementJson:
    """A ledger row as it is shown."""
    moved = row.movement
    return MovementJson(
        number=moved.number,
        type=moved.type,
        key=moved.key,
        amount=moved.amount,
        balance=moved.balance,
        cause=moved.cause,
        reason=moved.reason,
        grant_id=moved.grant_id or None,
        table_version=moved.table_version or None,
        seed=moved.seed or None,
        command_id=moved.command_id,
        occurred_at=iso_ms(row.at_ms),
    )


def catalog(definition: dict[str, Any]) -> dict[str, Any]:
    """CatalogResponse of a game's definition."""
    section = definition.get("catalog") or {}
    return {
        "items": [
            {"itemKey": one["itemKey"], "name": one["name"], "metadata": one.get("metadata") or {}}
            for one in section.get("items", [])
        ],
        "currencies": [
            {"economyKey": one["economyKey"], "name": one["name"]} for one in section.get("currencies", [])
        ],
        "inventoryMode": inventory_mode(definition),
    }


def inventory_mode(definition: dict[str, Any]) -> str:
    """`platform` or `studio`."""
    mode: str = (definition.get("catalog") or {}).get("inventoryMode") or "platform"
    return mode


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else iso_ms(at_ms)
