"""Lines of what a server prints, cut from bytes. Pure: the same bytes give the same lines and offsets.

Source: contract/fleet.md, "Logs and metrics".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from schemas.fleet.telemetry import LINE_BYTES_MAX, Level
from schemas.fleet.telemetry import Stream as ToldStream
from streams.fleet.host.attempts import Stream

LINES_PER_SECOND_MAX: Final = 200
"""Of a server, as a mean over `LINES_MEAN_S`."""
LINES_MEAN_S: Final = 10

_HEAD_CHARACTERS: Final = 120
_ESCAPES: Final = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])"
)
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_LEVEL: Final = re.compile(
    r"(?<![a-z])(?:(?P<error>error|fatal|critical|[a-z.]*exception)|(?P<warn>warn(?:ing)?)"
    r"|(?P<debug>debug|trace))(?![a-z])",
    re.IGNORECASE,
)


class Printed(msgspec.Struct, frozen=True, gc=False):
    """A line, as `schemas.fleet.telemetry.Line` without its source.

    A word of ours (`agent`) about lines of a stream has twice the offset of the first of them, and one more
    for stderr.
    """

    stream: ToldStream
    offset: int
    at_ms: int
    level: Level
    message: str


def clean(line: bytes) -> str:
    """The text of a line: UTF-8 with U+FFFD for what is none, without escape sequences and controls."""
    text = line.removesuffix(b"\n").removesuffix(b"\r").decode(errors="replace")
    return _CONTROLS.sub("", _ESCAPES.sub("", text))


def level_of(text: str, stream: Stream) -> Level:
    """By the first word in the line's head that names one; else info, and warn on stderr."""
    found = _LEVEL.search(text[:_HEAD_CHARACTERS])
    if found is None:
        return "info" if stream == "stdout" else "warn"
    if found["error"]:
        return "error"
    return "warn" if found["warn"] else "debug"


class Allowance:
    """How many lines a server may have now: 200 a second as a mean over 10 s, for both streams together."""

    def __init__(self, now_s: float) -> None:
        self._most = float(LINES_PER_SECOND_MAX * LINES_MEAN_S)
        self._left = self._most
        self._at_s = now_s

    def refill(self, now_s: float) -> None:
        """Time has passed."""
        self._left = min(self._most, self._left + max(0.0, now_s - self._at_s) * LINES_PER_SECOND_MAX)
        self._at_s = now_s

    def take(self) -> bool:
        """One line, if there is one left."""
        if self._left < 1:
            return False
        self._left -= 1
        return True


class LineCutter:
    """Cuts one stream. `position` is where to go on after a death: before everything not yet given out."""

    def __init__(self, stream: Stream, position: int, allowance: Allowance) -> None:
        self._stream = stream
        self._allowance = allowance
        self._rest = b""
        self._begin = position
        self._dropped = 0
        self._dropped_from = 0
        self._last_ms = 0

    @property
    def position(self) -> int:
        """Of the first byte that no line given out has."""
        return self._dropped_from if self._dropped else self._begin

    @property
    def wanted(self) -> int:
        """Of the next byte to feed."""
        return self._begin + len(self._rest)

    def feed(self, data: bytes, at_ms: int) -> Iterator[Printed]:
        """The complete lines after these bytes too."""
        self._rest += data
        begin = 0
        while (end := self._end_of_line(begin)) is not None:
            if self._allowance.take():
                yield from self.warning(at_ms)
                yield self._line(self._rest[begin:end], self._begin + begin, at_ms)
                begin = end
                continue
            # What is over the allowance is counted and skipped as a whole.
            last = self._rest.rfind(b"\n") + 1
            end = max(end, last)
            self._drop(max(1, self._rest.count(b"\n", begin, end)), self._begin + begin)
            begin = end
        self._rest = self._rest[begin:]
        self._begin += begin

    def skip(self, position: int) -> None:
        """The bytes up to `position` are gone: they count as a dropped line."""
        self._drop(1, self._begin)
        self._rest = b""
        self._begin = position

    def warning(self, at_ms: int) -> Iterator[Printed]:
        """The line that counts what was dropped since the last one; none where nothing was."""
        if self._dropped:
            text = f"{self._dropped} lines of {self._stream} were dropped: "
            text += f"more than {LINES_PER_SECOND_MAX} a second"
            yield Printed(
                "agent",
                self._dropped_from * 2 + (self._stream == "stderr"),
                self._at(at_ms),
                "warn",
                text,
            )
            self._dropped = 0

    def end(self, at_ms: int) -> Iterator[Printed]:
        """What is left when nothing will follow: a last line without its end."""
        if self._rest and self._allowance.take():
            yield from self.warning(at_ms)
            yield self._line(self._rest, self._begin, at_ms)
        elif self._rest:
            self._drop(1, self._begin)
        self._begin += len(self._rest)
        self._rest = b""
        yield from self.warning(at_ms)

    def _end_of_line(self, begin: int) -> int | None:
        found = self._rest.find(b"\n", begin, begin + LINE_BYTES_MAX)
        if found >= 0:
            return found + 1
        if len(self._rest) - begin < LINE_BYTES_MAX:
            return None
        # A piece does not end within a character: its continuation bytes go to the next one.
        end = begin + LINE_BYTES_MAX
        while end > begin + LINE_BYTES_MAX - 4 and end < len(self._rest) and self._rest[end] & 0xC0 == 0x80:
            end -= 1
        return end

    def _line(self, line: bytes, offset: int, at_ms: int) -> Printed:
        text = clean(line)
        return Printed(self._stream, offset, self._at(at_ms), level_of(text, self._stream), text)

    def _drop(self, lines: int, offset: int) -> None:
        if not self._dropped:
            self._dropped_from = offset
        self._dropped += lines

    def _at(self, at_ms: int) -> int:
        self._last_ms = max(self._last_ms, at_ms)
        return self._last_ms
