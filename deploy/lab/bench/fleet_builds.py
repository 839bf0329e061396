"""Builds for `questlog bench fleet`: Teeworlds, a server that prints the time, and a large archive."""

from __future__ import annotations

import io
import random
import re
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from deploy.lab.bench.load import OrderRefusedError
from deploy.lab.example_builds import EXECUTABLE, TEEWORLDS, NotInstalled

LINES_A_SECOND: Final = 10
FILE_BYTES: Final = 68_000
"""Of each file of a large archive: 2,949 of them are 200 MB."""
_CLOCK: Final = f"""#!/usr/bin/python3 -IS
import os, time
number = 0
while True:
    number += 1
    os.write(1, f"line {{number}} {{time.time_ns()}}\\n".encode())
    time.sleep({1 / LINES_A_SECOND})
"""
_LINE: Final = re.compile(r"line (\d+) (\d+)")
_LETTERS: Final = bytes(32 + value % 64 for value in range(256))
"""A byte each for every byte: six bits of it, as text has."""


def teeworlds(nonce: str) -> bytes:
    """An archive of its own for each nonce. Raises OrderRefusedError where Debian's package is missing."""
    with tempfile.TemporaryDirectory(prefix="questlog-bench-") as folder:
        file = Path(folder) / "build.zip"
        try:
            TEEWORLDS.write_zip(file)
        except NotInstalled as missing:
            raise OrderRefusedError(str(missing)) from None
        with zipfile.ZipFile(file, "a") as archive:
            archive.writestr("nonce", nonce)
        return file.read_bytes()


def clock() -> bytes:
    """A server without ports that prints the time again and again."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(EXECUTABLE, _CLOCK)
    return packed.getvalue()


def printed(message: str) -> tuple[int, int] | None:
    """Number and time in nanoseconds of a line of `clock`; None for another line."""
    found = _LINE.fullmatch(message)
    return (int(found[1]), int(found[2])) if found else None


def large(size_bytes: int, seed: int) -> bytes:
    """An archive of about that size in files of FILE_BYTES: half of each is random, half packs like text."""
    chosen = random.Random(seed)  # noqa: S311 - contents, not secrets
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        number = 0
        while packed.tell() < size_bytes:
            data = chosen.randbytes(FILE_BYTES)
            half = FILE_BYTES // 2
            text = data[half:].translate(_LETTERS) + data[:half].translate(_LETTERS)[: half // 3]
            archive.writestr(f"data/{number % 100:02}/{number}.bin", data[:half] + text)
            number += 1
        archive.writestr(EXECUTABLE, _CLOCK)
    return packed.getvalue()
