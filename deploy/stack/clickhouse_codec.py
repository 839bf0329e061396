"""Content encodings of ClickHouse's HTTP interface: lz4 and zstd frames, gzip and deflate, both ways."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Final, Protocol

import lz4.frame
from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable

ENCODINGS: Final = ("lz4", "zstd", "gzip", "deflate")


class UnknownEncodingError(ValueError):
    """A content encoding this server does not know."""


class Compressor(Protocol):
    """Compresses a response piece by piece; `finish` returns what is left."""

    def compress(self, data: bytes) -> bytes:
        """What is ready to be sent; may be empty."""
        ...

    def finish(self) -> bytes:
        """The rest. Call it once, last."""
        ...


class Decompressor(Protocol):
    """Unpacks one frame."""

    @property
    def eof(self) -> bool:
        """Whether its end was met."""
        ...

    @property
    def unused_data(self) -> bytes | None:
        """What comes after its end."""
        ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """At most `max_length` bytes of its content."""
        ...


_DECOMPRESSORS: Final[dict[str, Callable[[], Decompressor]]] = {
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "zstd": zstd.ZstdDecompressor,
    "gzip": lambda: zlib.decompressobj(31),
    "deflate": zlib.decompressobj,
}


class _Lz4:
    def __init__(self) -> None:
        self._inner: Any = lz4.frame.LZ4FrameCompressor()
        self._begun = False

    def compress(self, data: bytes) -> bytes:
        begin = b"" if self._begun else bytes(self._inner.begin())
        self._begun = True
        return begin + bytes(self._inner.compress(data))

    def finish(self) -> bytes:
        begin = b"" if self._begun else bytes(self._inner.begin())
        return begin + bytes(self._inner.flush())


class _Flushed:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def compress(self, data: bytes) -> bytes:
        return bytes(self._inner.compress(data))

    def finish(self) -> bytes:
        return bytes(self._inner.flush())


def choose(accept: str) -> str:
    """The encoding to answer with, by the client's Accept-Encoding in its own order; empty for none."""
    for offer in accept.split(","):
        name = offer.partition(";")[0].strip().lower()
        if name in ENCODINGS:
            return name
    return ""


def compressor(encoding: str) -> Compressor:
    """A new compressor. Raises UnknownEncodingError."""
    if encoding == "lz4":
        return _Lz4()
    if encoding == "zstd":
        return _Flushed(zstd.ZstdCompressor(level=1))
    if encoding == "gzip":
        return _Flushed(zlib.compressobj(1, zlib.DEFLATED, 31))
    if encoding == "deflate":
        return _Flushed(zlib.compressobj(1))
    raise UnknownEncodingError(encoding)


def decompress(encoding: str, data: bytes, bytes_max: int) -> bytes:
    """A whole request body of at most so many bytes; what it claims beyond them is never unpacked.

    Raises UnknownEncodingError, or ValueError where the bytes don't hold what they claim, or too much.
    """
    begin = _DECOMPRESSORS.get(encoding)
    if begin is None:
        raise UnknownEncodingError(encoding)
    try:
        return unpacked(begin, data, bytes_max)
    except (RuntimeError, EOFError, OSError, zlib.error, zstd.ZstdError) as error:
        raise ValueError(f"the body is no valid {encoding}: {error}") from error


def unpacked(begin: Callable[[], Decompressor], data: bytes, bytes_max: int) -> bytes:
    """The content of frames, one after the other. Raises ValueError, and what the decompressor raises."""
    found: list[bytes] = []
    left = bytes_max
    while data:
        frame = begin()
        found.append(frame.decompress(data, left + 1))
        left -= len(found[-1])
        if left < 0:
            raise ValueError(f"it holds more than {bytes_max} bytes")
        if not frame.eof:
            raise ValueError("it is cut off")
        data = frame.unused_data or b""
    return b"".join(found)
