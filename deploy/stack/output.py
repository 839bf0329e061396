"""Where the supervisor's words go: a screen, or a log file whose disk may be full."""

from __future__ import annotations

import contextlib
import io
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
