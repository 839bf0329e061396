"""Writes a build's artefact: a .tar.zst whose bytes follow from its content alone.

Entries come sorted by path, each below folders that are there already, owner 0, without times; modes are 0755
or 0644. So unpacking it meets no set-user-id bit, no device, and no entry below a link.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterable
from typing import Final, Protocol

import zstandard

_LEVEL: Final = 3
_FOLDER_MODE: Final = 0o755
_FILE_MODE: Final = 0o644
_EXECUTABLE_MODE: Final = 0o755
_LINK_MODE: Final = 0o777


class Output(Protocol):
    """What takes the artefact's bytes."""

    def write(self, data: bytes, /) -> int:
        """Take all of these bytes."""
        ...


class ArtefactWriter:
    """Writes entries in the order they are given; `end` completes the artefact.

    Called twice with equal content it writes equal bytes, as long as the zstd library stays the same.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compressobj()
        self._digest = hashlib.sha256()
        self._size_bytes = 0
        self.files = 0
        self.unpacked_bytes = 0
        """Of files alone, as `files` counts them."""
        self._last = ""

    def folder(self, path: str) -> None:
        """A folder; its parents are there."""
        self._head(path, tarfile.DIRTYPE, _FOLDER_MODE)

    def file(self, path: str, size: int, content: Iterable[bytes], *, executable: bool) -> None:
        """A file of exactly `size` bytes. Raises what `content` raises; then the artefact is spoilt."""
        self._head(path, tarfile.REGTYPE, _EXECUTABLE_MODE if executable else _FILE_MODE, size=size)
        written = 0
        for piece in content:
            self._write(piece)
            written += len(piece)
        if written != size:
            raise ValueError(f"{path}: {written} bytes instead of {size}")
        self._write(bytes(-size % tarfile.BLOCKSIZE))
        self.files += 1
        self.unpacked_bytes += size

    def link(self, path: str, target: str) -> None:
        """A symbolic link."""
        self._head(path, tarfile.SYMTYPE, _LINK_MODE, target=target)

    def end(self) -> tuple[str, int]:
        """Write what is left: the artefact's SHA-256 in hex, and its bytes."""
        self._write(bytes(2 * tarfile.BLOCKSIZE))
        self._append(self._compressor.flush())
        return self._digest.hexdigest(), self._size_bytes

    def _head(self, path: str, kind: bytes, mode: int, *, size: int = 0, target: str = "") -> None:
        if path <= self._last:
            raise ValueError(f"{path!r} comes after {self._last!r}")
        self._last = path
        info = tarfile.TarInfo(path)
        info.type, info.mode, info.size, info.linkname = kind, mode, size, target
        self._write(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict"))

    def _write(self, data: bytes) -> None:
        self._append(self._compressor.compress(data))

    def _append(self, compressed: bytes) -> None:
        if compressed:
            self._digest.update(compressed)
            self._size_bytes += len(compressed)
            self._output.write(compressed)
