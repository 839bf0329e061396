"""The records of one open batch, taken apart: rows, deadlines, and what is given up. No I/O.

What can't be read, and what is skipped by decision, becomes a dead letter. Anything else that raises is a
defect of this code and leaves `add`: the caller says at which record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from projections.telemetry.columns import Origin
from projections.telemetry.rows import Rows
from projections.telemetry.session_key import SessionKey
from projections.telemetry.sessions import Due
from projections.telemetry.skip_store import Skipped
from schemas.dead_letters import DEAD_LETTER_VERSION, DeadLetter
from schemas.telemetry.deadlines import decode_session_due
from schemas.telemetry.record import EntryKind, TelemetryEntry, decode_record
from schemas.telemetry.skips import Skips, decode_skip

if TYPE_CHECKING:
    from schemas.log import LogRecord
    from schemas.telemetry.forgetting import Forgotten
    from schemas.telemetry.s4 import Item
    from schemas.telemetry.skips import SkipDecision

READER: Final = "projector.clickhouse"
RUN_ITEMS: Final = 600
"""Items that are added to the columns at once; of many more the first have left the CPU's cache by then."""
SKIPPED: Final = "skipped"
"""The reason of a dead letter that was skipped by decision."""
_NO_EFFECT: Final = frozenset({EntryKind.TICK, EntryKind.EXPORT_STARTED})


def has_effect(record: LogRecord) -> bool:
    """Whether a record leaves anything to write: ticks leave nothing, what can't be read a dead letter."""
    try:
        entries = decode_record(record.value).entries
    except (msgspec.MsgspecError, ValueError):
        return True
    return any(entry.kind not in _NO_EFFECT for entry in entries)


class OpenBatch:
    """What the records of a batch come to, in the order of the log."""

    def __init__(self, skips: Skips | None = None, forgotten: Forgotten | None = None) -> None:
        """`skips` are the decisions about this partition that are known; without, nothing is skipped.

        `forgotten` are the persons of whom nothing is taken in.
        """
        self._skips = Skips() if skips is None else skips
        self.rows = Rows(forgotten)
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
            entries = decode_record(record.value).entries
        except (msgspec.MsgspecError, ValueError) as error:
            self._give_up(record, None, "undecodable-record", str(error), record.value)
            return False
        origin_of = {
            (entry.studio_id, entry.game_id): Origin(
                entry.studio_id, entry.game_id, record.appended_at_ms, record.offset
            )
            for entry in entries
        }
        item = 0
        run = _Run(self.rows)
        for index, entry in enumerate(entries):
            origin = origin_of[entry.studio_id, entry.game_id]
            if index in skips:
                items = max(entry.item_count, 0)
                skipped = Skipped(
                    decision=skips[index],
                    arrived_at_ms=record.appended_at_ms,
                    first_item=item,
                    items=items,
                )
                self._skip(record, index, skipped, entry.body)
                item += items
                continue
            run.prepare(origin, item, entry)
            try:
                if entry.kind == EntryKind.S4_ITEMS:
                    item += run.add(origin, entry)
                elif entry.kind == EntryKind.SESSION_DUE:
                    self._add_due(record, entry)
                elif entry.kind == EntryKind.RECORD_SKIPPED:
                    self.decisions.append(decode_skip(entry.body))
                elif entry.kind == EntryKind.PERSON_FORGOTTEN:
                    raise ValueError("a person is forgotten by a record of its own")  # noqa: TRY301 - as others
                else:
                    item += self.rows.add(origin, item, entry)
            except (msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
                item += max(entry.item_count, 0)
                self._give_up(record, index, "undecodable-part", str(error), entry.body)
            self.has_effect = self.has_effect or entry.kind not in _NO_EFFECT
        run.end()
        return all(entry.kind == EntryKind.TICK for entry in entries)

    def _add_due(self, record: LogRecord, entry: TelemetryEntry) -> None:
        due = decode_session_due(entry.body)
        key = SessionKey(entry.studio_id, entry.game_id, due.session_id)
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

    def prepare(self, origin: Origin, index: int, entry: TelemetryEntry) -> None:
        """Put what was gathered into the rows where the next entry does not go with it.

        The entry's first item is `index` in its record.
        """
        held = len(self._items)
        if (
            entry.kind != EntryKind.S4_ITEMS
            or origin is not self._origin
            or index != self._first + held
            or held >= RUN_ITEMS
        ):
            self.end()
            self._origin, self._first = origin, index

    def add(self, origin: Origin, entry: TelemetryEntry) -> int:
        """Add an entry that goes with the others; return how many items it has.

        Raises what the decoder raises, and then adds nothing.
        """
        items = self._rows.items(entry)
        self._rows.describe_items(origin, entry, items)
        self._items += items
        return len(items)

    def end(self) -> None:
        """Put what was gathered into the rows."""
        if self._origin is not None and self._items:
            self._rows.add_items(self._origin, self._first, self._items)
        self._origin, self._items = None, []
