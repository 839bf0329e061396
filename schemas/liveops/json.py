"""S3's JSON shapes, shared by the write side's answers and the read side's. Pure.

Source: the live-ops contract's table of schemas. Inside times are unix milliseconds and names snake_case;
here they are ISO 8601 and camelCase.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec.structs import replace

from schemas.fleet.ports import Given
from schemas.fleet.states import STATUSES
from schemas.liveops import resources, responses, views
from schemas.liveops.commands import InventoryMode
from schemas.liveops.ports import HoldingRow, LedgerRow, LobbyRow
from schemas.timestamps import iso_ms

encode: Final = msgspec.json.Encoder().encode
"""Any of these shapes as JSON."""


def attempt(value: views.Attempt) -> resources.Attempt:
    """An attempt as it is shown."""
    return resources.Attempt(
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


def grant(value: views.Grant, now_ms: int) -> resources.Grant:
    """A grant as it is shown at a time: a pending one may have expired."""
    return resources.Grant(
        id=value.id,
        kind=value.kind,
        status=views.grant_status(value, now_ms),
        source=resources.GrantSource(
            event_key=value.event_key, attempt_id=value.attempt_id, trigger=value.trigger
        ),
        entries=value.entries,
        parent_grant_id=value.parent_grant_id,
        acked_by=value.acked_by,
        created_at=iso_ms(value.created_at_ms),
        claimed_at=_time(value.claimed_at_ms),
        expires_at=_time(value.expires_at_ms),
    )


def wallet_entry(row: HoldingRow) -> resources.WalletEntry:
    """A balance as it is shown."""
    return resources.WalletEntry(
        economy_key=row.key, balance=row.quantity, updated_at=iso_ms(row.updated_at_ms)
    )


def item(row: HoldingRow) -> resources.Item:
    """A holding as it is shown."""
    return resources.Item(item_key=row.key, quantity=row.quantity, updated_at=iso_ms(row.updated_at_ms))


def lobby(row: LobbyRow, given: Given | None) -> resources.Lobby:
    """A lobby as it is shown, with what the fleet has given it."""
    return resources.Lobby(
        id=row.id,
        event_key=row.event_key,
        status=row.status,
        size=row.size,
        players=[
            resources.LobbyPlayer(external_id=who, joined_at=iso_ms(at_ms)) for who, at_ms in row.players
        ],
        bots=row.bots,
        fills_at=iso_ms(row.fills_at_ms),
        server=_lobby_server(row, given) if row.server_region else None,
    )


def _lobby_server(row: LobbyRow, given: Given | None) -> resources.LobbyServer:
    shown = resources.LobbyServer(
        status="launching" if row.status == "active" else "stopped",
        instance_id=None,
        region=row.server_region,
        ports=[],
        error=None,
    )
    if given is None:
        return shown
    if given.row.refused:
        return replace(shown, status="refused", error=given.row.refused)
    server = given.server
    status = STATUSES[server.phase] if server is not None else "stopped"
    ports = server.ports if server is not None and status == "running" else ()
    return replace(
        shown,
        status=status,
        instance_id=given.row.instance_id,
        ports=[
            resources.LobbyServerPort(
                name=port.name,
                protocol=port.protocol,
                host=port.host,
                port=port.external_port,
                tls_enabled=port.tls_enabled,
            )
            for port in ports
        ],
    )


def movement(row: LedgerRow) -> resources.Movement:
    """A ledger row as it is shown."""
    moved = row.movement
    return resources.Movement(
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


def catalog(definition: dict[str, Any]) -> responses.CatalogResponse:
    """CatalogResponse of a game's definition."""
    section = definition.get("catalog") or {}
    return responses.CatalogResponse(
        items=[
            resources.CatalogItem(
                item_key=one["itemKey"], name=one["name"], metadata=one.get("metadata") or {}
            )
            for one in section.get("items", [])
        ],
        currencies=[
            resources.CatalogCurrency(economy_key=one["economyKey"], name=one["name"])
            for one in section.get("currencies", [])
        ],
        inventory_mode=inventory_mode(definition),
    )


def inventory_mode(definition: dict[str, Any]) -> InventoryMode:
    """Who keeps the inventory."""
    mode: InventoryMode = (definition.get("catalog") or {}).get("inventoryMode") or "platform"
    return mode


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else iso_ms(at_ms)
