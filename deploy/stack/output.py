"""Standard output of the command line: text to a screen or a log file whose disk may be full, and bytes."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from typing import IO, cast


class _PatientStream(io.TextIOBase):
    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()


def patient(stream: IO[str]) -> IO[str]:
    """The stream. A failed write is dropped: an output that is closed or full ends no stack."""
    return cast("IO[str]", _PatientStream(stream))


@contextlib.contextmanager
def whole_stdout() -> Iterator[IO[bytes]]:
    """Standard output for bytes, of which every write is whole.

    Under PYTHONUNBUFFERED, which containers set, `sys.stdout.buffer` is the file itself: a write that is
    interrupted while a pipe is full takes less than it was given, and says so only by the count it returns.
    """
    bare = sys.stdout.buffer
    if not isinstance(bare, io.FileIO):
        yield bare
        return
    buffered = io.BufferedWriter(bare)
    try:
        yield buffered
        buffered.flush()
    finally:
        buffered.detach()  # it would close standard output with itself
