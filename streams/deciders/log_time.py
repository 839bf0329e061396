"""What time it is in a partition's log: a pure function of its records, which no clock moves by hours alone.

Two clocks are in a command record: the broker's, which appended it (LogAppendTime), and its gateway's, which
stamped its commands. Where all is well the stamps are seconds old. A record whose stamps are minutes behind
its append time has waited somewhere (in a producer, while the brokers were away), or a clock is wrong; one
record cannot say which, so those commands are refused as expired and the log's time stays as it was. Where
later records show the same lead while their stamps go on, it is the clock: what waited together is appended
together, whenever it was stamped. From then on the broker's time counts less that lead, until its clock is
right again. Stamps that are minutes ahead are treated alike. So a jump that one record saw does nothing to
the next, and one that lasts refuses commands for `CONFIRMED_AFTER_MS`.

A time that both clocks say is believed at once (all may run on one machine). If both then say for
`CONFIRMED_AFTER_MS` that it is earlier, the log's time goes back, and what was asked before that has expired.

Nothing is forgotten for a jump: what is remembered is let go by `ripe_ms`, which follows a step only once
`DIFFER_MS_MAX` of log time have passed behind it, the time by which a projection may be late (the gateways
answer 503 beyond it). Source: rules 1 and 10 of the write path.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec.structs import replace

EXPIRED_MS: Final = 5 * 60 * 1000
"""A command this far behind its partition's newest is refused: its gateway looked its key up too long ago."""
DIFFER_MS_MAX: Final = EXPIRED_MS
"""Clocks that differ by less are all right, and time that goes on by less makes no step."""
CONFIRMED_AFTER_MS: Final = 30_000
"""So long records must say the same, by their stamps, before a clock is taken to be wrong."""
STEADY_MS: Final = 10_000
"""A lead is the same where it differs by less: commands wait up to 5 s before they are appended."""


class LogTime(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The time of a partition's log, unix milliseconds, and what is doubted."""

    now_ms: int = 0
    """The newest time that is believed. It goes back only where both clocks have."""
    ripe_ms: int = 0
    """The same without a last step that could be a jump: what is remembered is let go by this."""
    step_ripe_at_ms: int = 0
    lead_ms: int = 0
    """How far the broker's clock is known to be ahead (behind where negative); 0 where it is right."""
    floor_ms: int = 0
    """When the log's time last went back: what was asked before has expired."""
    doubted_lead_ms: int = 0
    """A lead that is not confirmed yet; 0 for none."""
    doubted_since_ms: int = 0
    """The time in the first record that showed that lead, or an earlier time; 0 for none."""

    def after(self, appended_at_ms: int, asked_at_ms: int) -> LogTime:
        """The time after a command record: its append time, and the stamp of its newest command."""
        lead_ms, known_ms = appended_at_ms - asked_at_ms, self.lead_ms
        if abs(lead_ms - known_ms) > DIFFER_MS_MAX:
            if abs(lead_ms) > DIFFER_MS_MAX:
                return self._doubted(lead_ms, appended_at_ms, asked_at_ms)
            known_ms = 0  # clocks that agree need no second word
        time_ms = appended_at_ms - known_ms
        newest_ms = max(time_ms, asked_at_ms)
        if newest_ms < self.now_ms - DIFFER_MS_MAX:
            return self._back(newest_ms, known_ms)
        return self._on(time_ms, known_ms)

    def counts(self, appended_at_ms: int) -> int:
        """A record's append time by a clock that is right."""
        return appended_at_ms - self.lead_ms

    def stamps(self, appended_at_ms: int) -> tuple[int, int]:
        """The first and the last stamp of commands that have not expired, in the record that led here."""
        time_ms = self.counts(appended_at_ms)
        return max(max(self.now_ms, time_ms) - EXPIRED_MS, self.floor_ms), time_ms + DIFFER_MS_MAX

    def _on(self, time_ms: int, lead_ms: int) -> LogTime:
        now_ms = max(self.now_ms, time_ms)
        ripe_ms, step_ripe_at_ms = self.ripe_ms, self.step_ripe_at_ms
        if now_ms > self.now_ms + DIFFER_MS_MAX:
            ripe_ms, step_ripe_at_ms = self.now_ms, now_ms + DIFFER_MS_MAX
        elif now_ms >= step_ripe_at_ms:
            ripe_ms = now_ms
        return LogTime(now_ms, ripe_ms, step_ripe_at_ms, lead_ms, self.floor_ms)

    def _doubted(self, lead_ms: int, appended_at_ms: int, asked_at_ms: int) -> LogTime:
        """After a record that waited before it was appended, or one with a wrong clock on its way."""
        doubted_ms = self.doubted_lead_ms
        if not doubted_ms or abs(lead_ms - doubted_ms) > STEADY_MS:
            return replace(self, doubted_lead_ms=lead_ms, doubted_since_ms=asked_at_ms)
        if asked_at_ms < self.doubted_since_ms + CONFIRMED_AFTER_MS:
            return self
        return replace(self, lead_ms=min(lead_ms, doubted_ms)).after(appended_at_ms, asked_at_ms)

    def _back(self, newest_ms: int, lead_ms: int) -> LogTime:
        """A record that both its clocks put far before the log's time."""
        since_ms = 0 if self.doubted_lead_ms else self.doubted_since_ms
        if not since_ms or newest_ms < since_ms:
            since_ms = newest_ms
        if newest_ms >= since_ms + CONFIRMED_AFTER_MS:
            return LogTime(newest_ms, newest_ms, 0, lead_ms, since_ms)
        return replace(self, lead_ms=lead_ms, doubted_lead_ms=0, doubted_since_ms=since_ms)
