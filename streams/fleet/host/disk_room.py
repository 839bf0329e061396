"""Room on the disk of an open file: kept for bytes to come, or given back. File systems may know neither."""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Final

_KEEP_SIZE: Final = 0x01
_PUNCH_HOLE: Final = 0x02
_libc: Final = ctypes.CDLL(None, use_errno=True)


def reserve(descriptor: int, size: int) -> None:
    """The first `size` bytes have their room; the file is as long as before. Raises OSError where none is."""
    number = _fallocate(descriptor, _KEEP_SIZE, 0, size)
    if number not in {0, errno.EOPNOTSUPP, errno.ENOSYS}:
        raise OSError(number, os.strerror(number))


def give_back(descriptor: int, begin: int, size: int) -> None:
    """These bytes become a hole; the file is as long as before."""
    _fallocate(descriptor, _KEEP_SIZE | _PUNCH_HOLE, begin, size)


def _fallocate(descriptor: int, mode: int, begin: int, size: int) -> int:
    """The number of its error; 0: none."""
    if size <= 0:
        return 0
    failed = _libc.fallocate(descriptor, mode, ctypes.c_longlong(begin), ctypes.c_longlong(size))
    return ctypes.get_errno() if failed else 0
