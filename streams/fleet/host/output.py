"""Reads a server's output from its files, remembers how much of it is in the log, and frees that space.

A file's bytes keep their offsets for ever: what is in the log is punched out of it. Where an agent dies the
next one goes on at the position in the file `told`, so that lines may be repeated and none is lost.
"""

from __future__ import annotations

import errno
import os
from typing import Final

import msgspec

from streams.fleet.host.attempts import STREAMS, Attempt, Stream, replace
from streams.fleet.host.disk_room import give_back
from streams.fleet.host.lines import Allowance, LineCutter, Printed

_CHUNK: Final = 1024 * 1024
READ_BYTES_MAX: Final = 64 * _CHUNK
"""Of one stream in one go."""
UNREAD_BYTES_MAX: Final = 256 * _CHUNK
"""What is not read yet of one stream: older bytes are dropped."""
_PAGE: Final = 4096


class _Position(msgspec.Struct):
    stdout: int = 0
    stderr: int = 0


class Output:
    """What one attempt prints. `read` and `appended` by one caller at a time."""

    def __init__(self, attempt: Attempt, now_s: float) -> None:
        self._attempt = attempt
        self._allowance = Allowance(now_s)
        begun = _noted(attempt)
        self._cutters: dict[Stream, LineCutter] = {
            stream: LineCutter(stream, getattr(begun, stream), self._allowance) for stream in STREAMS
        }
        self._freed: dict[Stream, int] = {stream: getattr(begun, stream) for stream in STREAMS}
        self._appended = begun
        self._noted = begun

    def read(self, *, now_s: float, now_ms: int, lines_max: int, ended: bool = False) -> list[Printed]:
        """The next lines, each stream's in order: about `lines_max` at most, the rest with the next call.

        `ended` says that nothing more will be printed: what has no end of line is a line too.
        """
        self._allowance.refill(now_s)
        found: list[Printed] = []
        for stream in STREAMS:
            cutter = self._cutters[stream]
            complete = self._read(stream, cutter, now_ms, lines_max, found)
            if complete:
                found += cutter.end(now_ms) if ended else cutter.warning(now_ms)
        return found

    def finished(self) -> bool:
        """Whether everything there is has been read and is in the log."""
        return all(
            self._attempt.output(stream).stat().st_size <= getattr(self._appended, stream)
            for stream in STREAMS
        )

    def appended(self) -> None:
        """What `read` gave is in the log: it is not read again, and its space is free."""
        self._appended = _Position(**{stream: self._cutters[stream].position for stream in STREAMS})
        if self._appended == self._noted:
            return
        noted = self._note()
        for stream in STREAMS:
            end = getattr(self._appended, stream) // _PAGE * _PAGE
            if end - self._freed[stream] >= _CHUNK:
                punch(self._attempt.output(stream), self._freed[stream], end)
                self._freed[stream] = end
        if not noted:  # on a full disk what was just given back may be all the room there is
            self._note()

    def _note(self) -> bool:
        path, position = self._attempt.folder / "told", self._appended
        noted = self._attempt.noted("told", lambda: replace(path, msgspec.json.encode(position)))
        if noted:
            self._noted = position
        return noted

    def _read(
        self, stream: Stream, cutter: LineCutter, now_ms: int, lines_max: int, found: list[Printed]
    ) -> bool:
        """Whether the end of the file was reached."""
        descriptor = os.open(self._attempt.output(stream), os.O_RDONLY | os.O_CLOEXEC)
        try:
            size = os.fstat(descriptor).st_size
            if size - cutter.wanted > UNREAD_BYTES_MAX:
                cutter.skip(size - UNREAD_BYTES_MAX // 2)
            read = 0
            while cutter.wanted < size and read < READ_BYTES_MAX and len(found) < lines_max:
                data = _next_data(descriptor, cutter.wanted, size)
                if data > cutter.wanted:
                    cutter.skip(data)
                    continue
                chunk = os.pread(descriptor, _CHUNK, cutter.wanted)
                read += len(chunk)
                found += cutter.feed(chunk, now_ms)
            return cutter.wanted >= size
        finally:
            os.close(descriptor)


def punch(path: os.PathLike[str], begin: int, end: int) -> None:
    """Gives back the space of these bytes; the file's size stays. Where the file system can't: nothing."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        give_back(descriptor, begin, end - begin)
    finally:
        os.close(descriptor)


def _next_data(descriptor: int, position: int, size: int) -> int:
    """Where bytes begin that were not punched out."""
    try:
        return os.lseek(descriptor, position, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:  # nothing but a hole up to the end
            return size
        raise


def _noted(attempt: Attempt) -> _Position:
    try:
        return msgspec.json.decode((attempt.folder / "told").read_bytes(), type=_Position)
    except FileNotFoundError:
        return _Position()
