"""What a write's operation is called, and which command it becomes. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec

from schemas.codec import Message
from schemas.edge.errors import Refused
from schemas.edge.routes import Found
from schemas.liveops import commands as ask
from schemas.liveops.views import CrateRow, GrantEntry
from schemas.timestamps import TimestampError, unix_ms
from streams.gateway.liveops.bodies import (
    DebitBody,
    EntryBody,
    GrantBody,
    ItemBody,
    NoBody,
    ProgressBody,
)
from streams.gateway.liveops.definitions import Resolved
from streams.gateway.liveops.routes import REGISTER


def operation_of(found: Found, query: bytes) -> str:
    """The operation's name with its path ids: with it an idempotency key names one command. NOTE: stored."""
    ids = [value for name, value in found.names.items() if name != "externalId"]
    forced = "forced" if found.route is REGISTER and b"force=true" in query.lower() else ""
    return "/".join([found.route.name, *ids, *([forced] if forced else [])])


class Asker(msgspec.Struct, frozen=True, gc=False):
    """What a command needs beside path and body: the game's definition, and whose key it is."""

    resolved: Resolved
    is_server: bool

    @property
    def acked_by(self) -> Literal["server", "sdk"]:
        """Who claims."""
        return "server" if self.is_server else "sdk"


def command_of(found: Found, body: Any, asker: Asker) -> Message:
    """The command of every write but start, register and rotate. Raises `Refused` (400)."""
    return _MADE[found.route.command](found, body, asker)


def _progress(found: Found, body: ProgressBody, _: Asker) -> Message:
    return ask.ReportProgress(
        event_key=found.names["eventKey"],
        attempt_id=found.names["attemptId"],
        mode=body.mode,
        metric_value=body.metric_value,
        metrics=body.metrics or {},
        occurred_at_ms=_time(body.occurred_at, "occurredAt"),
    )


def _claim(found: Found, _: NoBody, asker: Asker) -> Message:
    return ask.ClaimGrant(
        grant_id=found.names["grantId"],
        acked_by=asker.acked_by,
        inventory_mode=asker.resolved.inventory_mode,
    )


def _open(found: Found, _: NoBody, asker: Asker) -> Message:
    return ask.OpenCrate(grant_id=found.names["grantId"], acked_by=asker.acked_by)


def _wallet(kind: type[ask.DebitWallet | ask.CreditWallet]) -> Made:
    def make(found: Found, body: DebitBody, asker: Asker) -> Message:
        key = found.names["economyKey"]
        return kind(
            economy_key=key,
            amount=body.amount,
            reason=body.reason or "",
            in_catalog=key in asker.resolved.currencies,
        )

    return make


def _item(kind: type[ask.ConsumeItem | ask.GrantItem]) -> Made:
    def make(found: Found, body: ItemBody, asker: Asker) -> Message:
        key = found.names["itemKey"]
        return kind(
            item_key=key,
            quantity=body.quantity,
            reason=body.reason or "",
            in_catalog=key in asker.resolved.items,
            inventory_mode=asker.resolved.inventory_mode,
        )

    return make


def _grant(_: Found, body: GrantBody, asker: Asker) -> Message:
    resolved = asker.resolved
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


Made = Callable[[Found, Any, Asker], Message]
_MADE: Final[dict[type[msgspec.Struct] | None, Made]] = {
    ask.ReportProgress: _progress,
    ask.ClaimGrant: _claim,
    ask.OpenCrate: _open,
    ask.DebitWallet: _wallet(ask.DebitWallet),
    ask.CreditWallet: _wallet(ask.CreditWallet),
    ask.ConsumeItem: _item(ask.ConsumeItem),
    ask.GrantItem: _item(ask.GrantItem),
    ask.GiveGrant: _grant,
}
