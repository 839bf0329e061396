"""Content encodings of ClickHouse's HTTP interface: lz4 and zstd frames, gzip and deflate, both ways."""

from __future__ import annotations

import gzip
import zlib
from typing import Any, Final, Protocol

import lz4.frame
from backports import zstd

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


def decompress(encoding: str, data: bytes) -> bytes:
    """A whole request body.

    Raises UnknownEncodingError, or ValueError where the bytes don't hold what they claim.
    """
    try:
        if encoding == "lz4":
            return bytes(lz4.frame.decompress(data))
        if encoding == "zstd":
            return bytes(zstd.decompress(data))
        if encoding == "gzip":
            return gzip.decompress(data)
        if encoding == "deflate":
            return zlib.decompress(data)
    except (RuntimeError, EOFError, OSError, zlib.error, zstd.ZstdError) as error:
        raise ValueError(f"the body is no valid {encoding}: {error}") from error
    raise UnknownEncodingError(encoding)
