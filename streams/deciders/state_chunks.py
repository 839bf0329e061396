"""Encodes a state in small pieces, for snapshots: between two, the event loop runs other tasks.

CPython runs one thread at a time, and none while a value is being encoded: a state of a hundred thousand
players packed in one go would hold up every decision for a second.
Source: msgspec's `enc_hook` and `dec_hook`; CPython's global interpreter lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final, get_args

import msgspec
from immutables import Map

PIECE_ENTRIES: Final = 64
"""Entries of a map in one piece: about half a millisecond of players."""

Path = tuple[str, ...]
Decode = Callable[[bytes | memoryview | msgspec.Raw], Any]


class StateChunk(msgspec.Struct, frozen=True, array_like=True):
    """Something of a state, and what it is: the path of a value, or of a map that it is entries of."""

    path: Path
    content: msgspec.Raw


def chunk(path: Path, value: Any) -> bytes:
    """One value as a piece."""
    return encode(StateChunk(path, msgspec.Raw(encode(value))))


def chunks(path: Path, entries: Mapping[str, Any]) -> Iterator[bytes]:
    """A map's entries, some in each piece; none for an empty map."""
    rest = iter(entries.items())
    while some := dict(islice(rest, PIECE_ENTRIES)):
        yield chunk(path, some)


def read_chunk(data: bytes | memoryview) -> StateChunk:
    """A piece whose content is still to be decoded. Raises `msgspec.DecodeError`."""
    return _chunks.decode(data)


def decoder(kind: Any) -> Decode:
    """What decodes a piece's content as `kind`, which may be a struct with persistent maps."""
    decode: Decode = msgspec.msgpack.Decoder(kind, dec_hook=_unpacked).decode
    return decode


def _packed(value: Any) -> bytes:
    """A persistent map as bytes within bytes, so that they are decoded as what they are, in one go."""
    if not isinstance(value, Map):
        raise NotImplementedError(f"a state holds no {type(value).__name__}")
    return encode(dict(value)) if value else b""


def _unpacked(kind: Any, data: bytes) -> Map[Any, Any]:
    if not data:
        return _EMPTY
    decode = _decoders.get(kind)
    if decode is None:
        mapping: Any = dict
        decode = _decoders[kind] = decoder(mapping[get_args(kind)])
    return Map(decode(data))


_EMPTY: Final[Map[Any, Any]] = Map()
_decoders: Final[dict[Any, Decode]] = {}
_chunks: Final = msgspec.msgpack.Decoder(StateChunk)
encode: Final = msgspec.msgpack.Encoder(enc_hook=_packed).encode
"""Structs and persistent maps as bytes."""
