"""Which body a route takes, what its operation is called, and which command it becomes. Pure."""

from __future__ import annotations

from typing import Any, Final

from schemas.codec import Message
from schemas.liveops import commands as ask
from schemas.liveops.views import CrateRow, GrantEntry
from schemas.timestamps import TimestampError, unix_ms
from streams.gateway.http import Refused
from streams.gateway.liveops.bodies import (
    Body,
    DebitBody,
    EntryBody,
    GrantBody,
    ItemBody,
    NoBody,
    ProgressBody,
    StartBody,
)
from streams.gateway.liveops.definitions import Resolved
from streams.gateway.liveops.routing import Found, Route

BODY_OF: Final[dict[Route, type[Body]]] = {
    Route.START: StartBody,
    Route.PROGRESS: ProgressBody,
    Route.CLAIM: NoBody,
    Route.OPEN: NoBody,
    Route.REGISTER: NoBody,
    Route.CONSUME: ItemBody,
    Route.DEBIT: DebitBody,
    Route.ROTATE_SECRET: NoBody,
    Route.CREDIT: DebitBody,
    Route.GRANT_ITEM: ItemBody,
    Route.GIVE_GRANT: GrantBody,
}


def operation_of(found: Found, query: bytes) -> str:
    """The operation's name with its path ids: with it an idempotency key names one command. NOTE: stored."""
    ids = [value for name, value in found.names.items() if name != "externalId"]
    forced = "forced" if found.route is Route.REGISTER and b"force=true" in query.lower() else ""
    return "/".join([found.route.name.lower(), *ids, *([forced] if forced else [])])


def command_of(found: Found, body: Any, resolved: Resolved, *, is_server: bool) -> Message:
    """The command of every write but start, register and rotate. Raises `Refused` (400)."""
    names = found.names
    match found.route:
        case Route.PROGRESS:
            return ask.ReportProgress(
                event_key=names["eventKey"],
                attempt_id=names["attemptId"],
                mode=body.mode,
                metric_value=body.metric_value,
                metrics=body.metrics or {},
                occurred_at_ms=_time(body.occurred_at, "occurredAt"),
            )
        case Route.CLAIM:
            acked_by = "server" if is_server else "sdk"
            return ask.ClaimGrant(
                grant_id=names["grantId"],
                acked_by=acked_by,  # type: ignore[arg-type]
                inventory_mode=resolved.inventory_mode,
            )
        case Route.OPEN:
            return ask.OpenCrate(grant_id=names["grantId"], acked_by="server" if is_server else "sdk")
        case Route.DEBIT | Route.CREDIT:
            kind = ask.DebitWallet if found.route is Route.DEBIT else ask.CreditWallet
            key = names["economyKey"]
            return kind(
                economy_key=key,
                amount=body.amount,
                reason=body.reason or "",
                in_catalog=key in resolved.currencies,
            )
        case Route.CONSUME | Route.GRANT_ITEM:
            movement = ask.ConsumeItem if found.route is Route.CONSUME else ask.GrantItem
            key = names["itemKey"]
            return movement(
                item_key=key,
                quantity=body.quantity,
                reason=body.reason or "",
                in_catalog=key in resolved.items,
                inventory_mode=resolved.inventory_mode,
            )
        case Route.GIVE_GRANT:
            return _grant(body, resolved)
        case _:
            raise TypeError(f"{found.route} has a way of its own")


def _grant(body: GrantBody, resolved: Resolved) -> ask.GiveGrant:
    if (body.entries is None) == (body.crate is None):
        raise Refused(400, "a grant needs either entries or a crate", field="entries")
    rows = body.crate.table if body.crate else []
    every = [*(body.entries or []), *(entry for row in rows for entry in row.entries)]
    unknown = next((entry.key for entry in every if not _known(entry, resolved)), "")
    return ask.GiveGrant(
        entries=[_entry(entry) for entry in body.entries or []],
        table=[CrateRow(weight=row.weight, entries=[_entry(entry) for entry in row.entries]) for row in rows],
        expires_at_ms=_time(body.expires_at, "expiresAt"),
        unknown_key=unknown,
    )


def _known(entry: EntryBody, resolved: Resolved) -> bool:
    return entry.key in (resolved.items if entry.type == "item" else resolved.currencies)


def _entry(entry: EntryBody) -> GrantEntry:
    return GrantEntry(type=entry.type, key=entry.key, quantity=entry.quantity)


def _time(text: str | None, field: str) -> int | None:
    if text is None:
        return None
    try:
        return unix_ms(text)
    except TimestampError as error:
        raise Refused(400, str(error), field=field) from None
