"""Bodies of requests to the embedded ClickHouse: they come back whole, and hold no more than they may."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from functools import partial
from typing import Final

import lz4.frame
import pytest
from backports import zstd

from deploy.stack.clickhouse_blocks import _sum, read_blocks
from deploy.stack.clickhouse_codec import UnknownEncodingError, decompress
from tests import plain_http

PACK: Final[dict[str, Callable[[bytes], bytes]]] = {
    "lz4": lz4.frame.compress,
    "zstd": zstd.compress,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
}
BOMB: Final = bytes(64 << 20)
MOST: Final = 1 << 20


def block_of_zstd(content: bytes, claimed: int) -> bytes:
    """A block of ClickHouse's own compression that claims to hold so many bytes."""
    packed = zstd.compress(content)
    block = struct.pack("<BII", 0x90, 9 + len(packed), claimed) + packed
    return _sum(block) + block


@pytest.mark.parametrize("encoding", PACK)
def test_a_body_comes_back_whole_from_one_frame_or_several(encoding: str) -> None:
    pack = PACK[encoding]
    data = bytes(range(256)) * 40
    assert decompress(encoding, pack(data), len(data)) == data
    assert decompress(encoding, pack(data) + pack(b"more"), MOST) == data + b"more"
    with pytest.raises(ValueError, match="more than"):
        decompress(encoding, pack(data), len(data) - 1)
    for damaged in (pack(data)[:-1], b"junk" + pack(data)):
        with pytest.raises(ValueError, match=r"it is cut off|is no valid"):
            decompress(encoding, damaged, MOST)


def test_an_encoding_that_is_not_known_is_said_to_be() -> None:
    with pytest.raises(UnknownEncodingError):
        decompress("br", b"", MOST)


@pytest.mark.parametrize("encoding", [*PACK, "block"])
def test_what_is_too_much_is_not_unpacked(encoding: str) -> None:
    packed = block_of_zstd(BOMB, 9) if encoding == "block" else PACK[encoding](BOMB)
    unpack = read_blocks if encoding == "block" else partial(decompress, encoding)
    assert len(packed) < MOST
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="more than"):
            unpack(packed, MOST)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MOST


@pytest.mark.stack
def test_nobody_s_body_is_looked_at_and_a_stranger_is_told_so(clickhouse_url: str) -> None:
    answer = plain_http.post(
        clickhouse_url, content=b"junk", headers={"content-encoding": "gzip"}, auth=("default", "wrong")
    )
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (403, "516")
    known = plain_http.post(clickhouse_url, content=b"junk", headers={"content-encoding": "gzip"})
    assert known.headers["x-clickhouse-exception-code"] == "354"
