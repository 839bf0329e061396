"""The records of one open cut, taken apart: rows, deadlines, and what could not be read. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from projections.telemetry.columns import Origin
from projections.telemetry.rows import Rows
from projections.telemetry.sessions import Due, SessionKey
from schemas.dead_letters import DEAD_LETTER_VERSION, DeadLetter
from schemas.telemetry.deadlines import decode_session_due
from schemas.telemetry.record import PartKind, TelemetryPart, decode_record
from schemas.telemetry.s4 import Item, decode_items

if TYPE_CHECKING:
    from schemas.log import LogRecord

READER: Final = "projector.clickhouse"
RUN_ITEMS: Final = 600
"""Items that are added to the columns at once; of many more the first have left the CPU's cache by then."""
_NO_EFFECT: Final = frozenset({PartKind.TICK, PartKind.EXPORT_STARTED})


class Gathered:
    """What the records of a cut come to, in the order of the log."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.dues: dict[SessionKey, list[Due]] = {}
        self.letters: list[DeadLetter] = []
        self.has_effect = False
        """Whether there is anything to write; ticks have no effect."""

    def add(self, record: LogRecord) -> bool:
        """Add a record; return whether it holds nothing but ticks. What can't be read is a dead letter."""
        try:
            parts = decode_record(record.value).parts
        except (msgspec.MsgspecError, ValueError) as error:
            self._give_up(record, None, "undecodable-record", error, record.value)
            return False
        origin_of = {
            (part.studio_id, part.game_id): Origin(
                part.studio_id, part.game_id, record.appended_at_ms, record.offset
            )
            for part in parts
        }
        item = 0
        run = _Run(self.rows)
        for index, part in enumerate(parts):
            try:
                if part.kind == PartKind.S4_ITEMS:
                    item += run.add(origin_of[part.studio_id, part.game_id], item, part)
                elif part.kind == PartKind.SESSION_DUE:
                    self._add_due(record, part)
                else:
                    run.end()
                    item += self.rows.add(origin_of[part.studio_id, part.game_id], item, part)
            except (msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
                item += max(part.item_count, 0)
                self._give_up(record, index, "undecodable-part", error, part.body)
            self.has_effect = self.has_effect or part.kind not in _NO_EFFECT
        run.end()
        return all(part.kind == PartKind.TICK for part in parts)

    def _add_due(self, record: LogRecord, part: TelemetryPart) -> None:
        due = decode_session_due(part.body)
        key = SessionKey(part.studio_id, part.game_id, due.session_id)
        self.dues.setdefault(key, []).append(Due(record.offset, due.watermark_ms))

    def _give_up(
        self, record: LogRecord, index: int | None, reason: str, error: Exception, body: bytes
    ) -> None:
        self.has_effect = True
        self.letters.append(
            DeadLetter(
                version=DEAD_LETTER_VERSION,
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                index=index,
                reader=READER,
                reason=reason,
                error=str(error)[:1000],
                appended_at_ms=record.appended_at_ms,
                key=record.key,
                body=body,
            )
        )


class _Run:
    """S4 items of one tenant that follow each other in a record, gathered so that they are added at once."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._origin: Origin | None = None
        self._first = 0
        self._items: list[Item] = []

    def add(self, origin: Origin, index: int, part: TelemetryPart) -> int:
        """Add a part whose first item is `index` in its record; return how many items it has."""
        items = decode_items(part.body)
        held = len(self._items)
        if origin is not self._origin or index != self._first + held or held >= RUN_ITEMS:
            self.end()
            self._origin, self._first = origin, index
        self._rows.describe_items(origin, part, items)
        self._items += items
        return len(items)

    def end(self) -> None:
        """Put what was gathered into the rows."""
        if self._origin is not None and self._items:
            self._rows.add_items(self._origin, self._first, self._items)
        self._origin, self._items = None, []
