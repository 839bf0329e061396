"""The records of one open batch, taken apart: rows, deadlines, and what is given up. No I/O.

What can't be read, and what is skipped by decision, becomes a dead letter. Anything else that raises is a
defect of this code and leaves `add`: the caller says at which record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from projections.telemetry.columns import Origin
from projections.telemetry.rows import Rows
from projections.telemetry.sessions import Due, SessionKey
from projections.telemetry.skip_store import Skipped
from schemas.dead_letters import DEAD_LETTER_VERSION, DeadLetter
from schemas.telemetry.deadlines import decode_session_due
from schemas.telemetry.record import PartKind, TelemetryPart, decode_record
from schemas.telemetry.s4 import Item, decode_items
from schemas.telemetry.skips import Skips, decode_skip

if TYPE_CHECKING:
    from schemas.log import LogRecord
    from schemas.telemetry.skips import SkipDecision

READER: Final = "projector.clickhouse"
RUN_ITEMS: Final = 600
"""Items that are added to the columns at once; of many more the first have left the CPU's cache by then."""
SKIPPED: Final = "skipped"
"""The reason of a dead letter that was skipped by decision."""
_NO_EFFECT: Final = frozenset({PartKind.TICK, PartKind.EXPORT_STARTED})


def has_effect(record: LogRecord) -> bool:
    """Whether a record leaves anything to write: ticks leave nothing, what can't be read a dead letter."""
    try:
        parts = decode_record(record.value).parts
    except (msgspec.MsgspecError, ValueError):
        return True
    return any(part.kind not in _NO_EFFECT for part in parts)


class OpenBatch:
    """What the records of a batch come to, in the order of the log."""

    def __init__(self, skips: Skips | None = None) -> None:
        """`skips` are the decisions about this partition that are known; without, nothing is skipped."""
        self._skips = Skips() if skips is None else skips
        self.rows = Rows()
        self.dues: dict[SessionKey, list[Due]] = {}
        self.letters: list[DeadLetter] = []
        self.skipped: list[Skipped] = []
        """What is left out by decision."""
        self.decisions: list[SkipDecision] = []
        """Decisions in the batch, about records before them."""
        self.mark = ""
        """Of the last record, once the batch has ended."""
        self.has_effect = False
        """Whether there is anything to write; ticks have no effect."""

    def add(self, record: LogRecord) -> bool:
        """Add a record; return whether it holds nothing but ticks. What can't be read is a dead letter."""
        skips = self._skips.of(record)
        if None in skips:
            self._skip(record, None, Skipped(decision=skips[None], arrived_at_ms=record.appended_at_ms))
            return False
        try:
            parts = decode_record(record.value).parts
        except (msgspec.MsgspecError, ValueError) as error:
            self._give_up(record, None, "undecodable-record", str(error), record.value)
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
            origin = origin_of[part.studio_id, part.game_id]
            if index in skips:
                items = max(part.item_count, 0)
                skipped = Skipped(
                    decision=skips[index],
                    arrived_at_ms=record.appended_at_ms,
                    first_item=item,
                    items=items,
                )
                self._skip(record, index, skipped, part.body)
                item += items
                continue
            run.prepare(origin, item, part)
            try:
                if part.kind == PartKind.S4_ITEMS:
                    item += run.add(origin, part)
                elif part.kind == PartKind.SESSION_DUE:
                    self._add_due(record, part)
                elif part.kind == PartKind.RECORD_SKIPPED:
                    self.decisions.append(decode_skip(part.body))
                else:
                    item += self.rows.add(origin, item, part)
            except (msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
                item += max(part.item_count, 0)
                self._give_up(record, index, "undecodable-part", str(error), part.body)
            self.has_effect = self.has_effect or part.kind not in _NO_EFFECT
        run.end()
        return all(part.kind == PartKind.TICK for part in parts)

    def _add_due(self, record: LogRecord, part: TelemetryPart) -> None:
        due = decode_session_due(part.body)
        key = SessionKey(part.studio_id, part.game_id, due.session_id)
        self.dues.setdefault(key, []).append(Due(record.offset, due.watermark_ms))

    def _skip(
        self, record: LogRecord, index: int | None, skipped: Skipped, body: bytes | None = None
    ) -> None:
        self.skipped.append(skipped)
        self._give_up(record, index, SKIPPED, skipped.decision.reason, record.value if body is None else body)

    def _give_up(self, record: LogRecord, index: int | None, reason: str, error: str, body: bytes) -> None:
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
                error=error[:1000],
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

    def prepare(self, origin: Origin, index: int, part: TelemetryPart) -> None:
        """Put what was gathered into the rows where the next part does not go with it.

        The part's first item is `index` in its record.
        """
        held = len(self._items)
        if (
            part.kind != PartKind.S4_ITEMS
            or origin is not self._origin
            or index != self._first + held
            or held >= RUN_ITEMS
        ):
            self.end()
            self._origin, self._first = origin, index

    def add(self, origin: Origin, part: TelemetryPart) -> int:
        """Add a part that goes with the others; return how many items it has.

        Raises what the decoder raises, and then adds nothing.
        """
        items = decode_items(part.body)
        self._rows.describe_items(origin, part, items)
        self._items += items
        return len(items)

    def end(self) -> None:
        """Put what was gathered into the rows."""
        if self._origin is not None and self._items:
            self._rows.add_items(self._origin, self._first, self._items)
        self._origin, self._items = None, []
