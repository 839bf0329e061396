"""ClickHouse's own compression (`compress=1`, `decompress=1`): blocks, each with a checksum before it.

The JDBC driver asks for it unless it is told otherwise, and so does Grafana's plugin. A block is 16 bytes of
CityHash128 (version 1.0.2) over what follows: the method, the size of the block without its checksum and
the size of its content, 4 bytes each, little-endian, then the content, compressed. Source: ClickHouse's
CompressedReadBufferBase.
"""

from __future__ import annotations

import struct
from typing import Final

import lz4.block
from backports import zstd
from clickhouse_cityhash.cityhash import CityHash128

from deploy.stack.clickhouse_codec import unpacked

BLOCK_BYTES: Final = 1 << 20
"""Of content in a block that is written."""
BLOCK_BYTES_MAX: Final = 128 << 20
"""Of content in a block that is read."""
_NONE, _LZ4, _ZSTD = 0x02, 0x82, 0x90
_HEADER: Final = struct.Struct("<BII")
_SUM: Final = struct.Struct("<QQ")


class Lz4Blocks:
    """A compressor of answers: what it is given becomes blocks at once."""

    def compress(self, data: bytes) -> bytes:
        """Blocks of this data."""
        return b"".join(_block(data[at : at + BLOCK_BYTES]) for at in range(0, len(data), BLOCK_BYTES))

    def finish(self) -> bytes:
        """Nothing: blocks have no end of their own."""
        return b""


def read_blocks(data: bytes, bytes_max: int) -> bytes:
    """The content of blocks. Raises ValueError where they don't hold what they claim, or too much."""
    found: list[bytes] = []
    at = total = 0
    while at < len(data):
        if len(data) - at < _SUM.size + _HEADER.size:
            raise ValueError("a block is cut off")
        begin = at + _SUM.size
        method, size, content_size = _HEADER.unpack_from(data, begin)
        at = begin + size
        total += content_size
        if content_size > BLOCK_BYTES_MAX or total > bytes_max:
            raise ValueError("the blocks hold too much")
        if size < _HEADER.size or at > len(data):
            raise ValueError("a block is cut off")
        if _sum(data[begin:at]) != data[begin - _SUM.size : begin]:
            raise ValueError("the checksum of a block is not that of its bytes")
        found.append(_content(method, data[begin + _HEADER.size : at], content_size))
    return b"".join(found)


def _block(data: bytes) -> bytes:
    packed = bytes(lz4.block.compress(data, store_size=False))
    block = _HEADER.pack(_LZ4, _HEADER.size + len(packed), len(data)) + packed
    return _sum(block) + block


def _sum(block: bytes) -> bytes:
    both = int(CityHash128(block))
    return _SUM.pack(both >> 64, both & 0xFFFF_FFFF_FFFF_FFFF)


def _content(method: int, packed: bytes, size: int) -> bytes:
    try:
        if method == _NONE:
            content = packed
        elif method == _LZ4:
            content = bytes(lz4.block.decompress(packed, uncompressed_size=size))
        elif method == _ZSTD:
            content = unpacked(zstd.ZstdDecompressor, packed, size)
        else:
            raise ValueError(f"the method {method:#x} of a block is not known")
    except (lz4.block.LZ4BlockError, zstd.ZstdError) as error:
        raise ValueError(f"a block can't be unpacked: {error}") from error
    if len(content) != size:
        raise ValueError("a block does not hold as much as it says")
    return content
