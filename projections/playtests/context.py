"""What the steps of the projection share: an event on its way into Redis, and what several of them set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from projections.playtests import keys
from projections.redis.operations import (
    Operation,
    delete_field,
    delete_score,
    list_newest,
    set_field,
    set_score,
)
from schemas.playtests import names
from schemas.playtests.account_views import LedgerRow
from schemas.playtests.order_events import OrderEvent
from schemas.playtests.ports import LEDGER_HEAD, NoticeRow
from schemas.playtests.views import Order, Progress

encode: Final = msgspec.msgpack.Encoder(order="deterministic").encode
_json: Final = msgspec.json.Encoder(order="deterministic").encode
NOTICES_MAX: Final = 1000
"""What a playtester is told and no longer among so many is gone."""


@dataclass(slots=True)
class Context:
    """One command's events on their way into Redis: what is set, and what waits for the last event."""

    studio_id: str
    command_id: str
    at_ms: int = 0
    operations: list[Operation] = field(default_factory=list)
    ordered: dict[str, Order] = field(default_factory=dict)
    progressed: dict[str, tuple[OrderEvent, Progress]] = field(default_factory=dict)
    """By order, as in `ordered`: only what a command's last event says is set."""

    def add(self, *operations: Operation) -> None:
        """Add operations."""
        self.operations += operations

    def listed(self, key: str, place: str, *, there: bool) -> None:
        """Put a row into a list, or take it out."""
        self.operations.append(set_score(key, 0.0, place) if there else delete_score(key, place))

    def due(self, member: str, at_ms: int | None) -> None:
        """Schedule a due entry for a time; None takes it out."""
        due = delete_score(keys.DUES, member) if at_ms is None else set_score(keys.DUES, at_ms, member)
        self.operations.append(due)

    def ledger(self, key: str, row: LedgerRow) -> None:
        """Add a row to a ledger, of which the newest stay."""
        self.operations.append(set_field(key, str(row.number), encode(row)))
        if row.number > LEDGER_HEAD:
            self.operations.append(delete_field(key, str(row.number - LEDGER_HEAD)))

    def notify(
        self,
        playtester_id: str,
        event: OrderEvent,
        *,
        slot_id: str | None = None,
        application_id: str | None = None,
        message: str | None = None,
    ) -> None:
        """Tell a playtester what happened to a slot or an application of theirs."""
        row = NoticeRow(
            id=names.notice_id(self.command_id, slot_id or application_id or ""),
            type=event.WIRE.split(".")[1],
            order_id=event.order_id,
            at_ms=self.at_ms,
            slot_id=slot_id,
            application_id=application_id,
            message=message,
        )
        key = keys.of_playtester("notices", self.studio_id, playtester_id)
        member = f"{keys.place(self.at_ms, row.id)}\0{_json(row).decode()}"
        self.operations.append(list_newest(key, member, NOTICES_MAX))


Step = Callable[[Context, Any], None]
"""Adds an event's operations."""
