"""What a pod prints, kept in the attempt's own file, where lines have the offsets that the log knows them by.

The API gives lines from a time on, each behind its own time, and the same ones again after every break. How
far the file has come is noted beside it, a little later than it grows: an agent that died between the two
makes the same bytes again, at the same offsets. Both streams are one, since a cluster keeps them as one.
"""

from __future__ import annotations

import contextlib
import os
from typing import Final

import msgspec

from streams.fleet.host.attempts import Attempt, replace

_FLUSH_BYTES: Final = 256 * 1024


class _Position(msgspec.Struct):
    at: str = ""
    """The time of the last line, as the API wrote it: of one length and one zone."""
    same: int = 0
    """Lines of that very time."""
    size: int = 0
    """Of the file, behind that line."""


class Printed:
    """Of one attempt, for one caller at a time."""

    def __init__(self, attempt: Attempt) -> None:
        self._file = attempt.output("stdout")
        self._note = attempt.folder / "carried"
        try:
            self._position = msgspec.json.decode(self._note.read_bytes(), type=_Position)
        except FileNotFoundError:
            self._position = _Position()
        os.truncate(self._file, self._position.size)
        self._unwritten = bytearray()
        self._repeated = 0

    @property
    def since(self) -> str | None:
        """From when on lines are to be asked for; None: all of them."""
        return self._position.at or None

    def begin(self) -> None:
        """Lines come from `since` on, those of that time again."""
        self._repeated = 0

    def take(self, line: bytes) -> None:
        """One line, in the API's order. Those that are here already are left out.

        Raises OSError as `flush` does.
        """
        told, _, text = line.partition(b" ")
        at, known = told.decode(errors="replace"), self._position
        if at < known.at:
            return
        if at == known.at:
            self._repeated += 1
            if self._repeated <= known.same:
                return
            known.same += 1
        else:
            known.at, known.same = at, 1
            self._repeated = 1
        self._unwritten += text + b"\n"
        if len(self._unwritten) >= _FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """What was taken is in the file. Nothing happens where nothing new was, or the folder has gone.

        Raises OSError where the disk is full: all that was taken is kept for the next time.
        """
        if not self._unwritten:
            return
        position = msgspec.structs.replace(self._position, size=self._position.size + len(self._unwritten))
        with contextlib.suppress(FileNotFoundError):
            try:
                with open(os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC), "ab") as file:
                    file.write(self._unwritten)
                replace(self._note, msgspec.json.encode(position))
            except OSError:
                with contextlib.suppress(FileNotFoundError):
                    os.truncate(self._file, self._position.size)
                raise
        self._position = position
        self._unwritten.clear()
