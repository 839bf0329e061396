"""An archive's bytes at any place, from a file that is open already."""

from __future__ import annotations

import os
from typing import Final

from streams.fleet.builds.refused import BuildRefused

_CUT_OFF: Final = "the archive ends too early: it was cut off, or is damaged. Upload it anew, whole"


class Source:
    """Reads from a file descriptor without moving it. It stays the caller's."""

    def __init__(self, file: int) -> None:
        self._file = file
        self.size = os.fstat(file).st_size

    def read(self, offset: int, size: int) -> bytes:
        """Exactly `size` bytes from `offset`. Raises BuildRefused where the file ends before."""
        if offset + size > self.size:
            raise BuildRefused(_CUT_OFF)
        pieces = []
        while size > 0:
            piece = os.pread(self._file, size, offset)
            if not piece:
                raise BuildRefused(_CUT_OFF)
            pieces.append(piece)
            offset += len(piece)
            size -= len(piece)
        return b"".join(pieces)
