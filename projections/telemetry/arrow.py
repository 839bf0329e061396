"""The values of one column as they are gathered, and as one Arrow array in the end. No I/O.

Values are kept as compactly as they travel: text as codes, numbers as machine words. Arrays are made from
their buffers: `pa.array` and `to_numpy` import pandas where it is installed, which costs 55 MB and a second.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from math import nan
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


class Kind(Enum):
    """How a column's Python values travel; the names are those of the values, not of ClickHouse's types."""

    TEXT = "text"
    JSON = "json"
    FLOAT = "float"
    TIME_MS = "time"
    INT64 = "int64"
    UINT32 = "uint32"
    UINT128 = "uint128"


TIME: pa.DataType = pa.timestamp("ms", "UTC")
TYPES: Mapping[Kind, pa.DataType] = {
    Kind.FLOAT: pa.float64(),
    Kind.TIME_MS: TIME,
    Kind.INT64: pa.int64(),
    Kind.UINT32: pa.uint32(),
}
_DTYPES: Mapping[pa.DataType, Any] = {
    pa.float64(): np.float64,
    TIME: np.int64,
    pa.int64(): np.int64,
    pa.int32(): np.int32,
    pa.uint64(): np.uint64,
    pa.uint32(): np.uint32,
    pa.uint16(): np.uint16,
}


class Repeat(NamedTuple):
    """One value for each of `times` rows."""

    value: Any
    times: int

    def __len__(self) -> int:
        return self.times


Values = Sequence[Any] | Repeat | NDArray[np.float64]


def plain(kind: pa.DataType, values: NDArray[Any], given: NDArray[np.bool_] | None = None) -> pa.Array:
    """Fixed-width values; `given` says which are not null."""
    wanted = np.ascontiguousarray(values, dtype=_DTYPES[kind])
    valid = None
    if given is not None and not given.all():
        valid = pa.py_buffer(np.packbits(given, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(wanted)])


def _bytes(kind: pa.DataType, data: bytes, lengths: Sequence[int] | NDArray[np.int32]) -> pa.Array:
    offsets = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return pa.Array.from_buffers(kind, len(lengths), [None, pa.py_buffer(offsets), pa.py_buffer(data)])


class Column(Protocol):
    """The values of one column so far."""

    def add(self, values: Values) -> None:
        """Take a part's values in."""
        ...

    def array(self) -> pa.Array:
        """All of them, one for each row."""
        ...


class _Codes(dict[str, int]):
    """A code for each different text, given when it is first asked for."""

    def __missing__(self, text: str) -> int:
        code = self[text] = len(self)
        return code


class Texts:
    """Text as codes into the different texts, in order of first sight."""

    def __init__(self, _kind: Kind) -> None:
        self.texts: dict[str, int] = _Codes()
        self.codes = array("i")

    def add(self, values: Values) -> None:
        """Take a part's values in."""
        count = len(values)
        if not count:
            return
        first = values.value if type(values) is Repeat else values[0]
        # Some columns have one text throughout: counting it is cheaper than looking each one up.
        if (
            count == 1
            or type(values) is Repeat
            or (values[-1] == first == values[count // 2] and list(values).count(first) == count)
        ):
            self.codes += array("i", (self.texts[first],)) * count
        else:  # one call looks all of them up: half the time of a loop
            self.codes += array("i", itemgetter(*values)(self.texts))

    def array(self) -> pa.Array:
        """All of them, one for each row."""
        encoded = [text.encode() for text in self.texts]
        different = _bytes(pa.string(), b"".join(encoded), list(map(len, encoded)))
        codes = plain(pa.int32(), np.frombuffer(self.codes, dtype=np.int32))
        return pa.DictionaryArray.from_arrays(codes, different, safe=False)


class _Json:
    """Bytes of JSON."""

    def __init__(self, _kind: Kind) -> None:
        self._data = bytearray()
        self._lengths = array("i")

    def add(self, values: Values) -> None:
        if type(values) is Repeat:
            self._data += values.value * values.times
            self._lengths += array("i", (len(values.value),)) * values.times
        else:
            texts: Any = values
            self._data += b"".join(texts)
            self._lengths.extend(map(len, texts))

    def array(self) -> pa.Array:
        return _bytes(pa.binary(), bytes(self._data), np.frombuffer(self._lengths, dtype=np.int32))


class Integers:
    """Integers and times; None where the column may be null."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self.values = array("q")
        self._given = bytearray()

    def add(self, values: Values) -> None:
        """Take a part's values in."""
        if type(values) is Repeat:
            self.values += array("q", (values.value or 0,)) * values.times
            self._given += bytes((values.value is not None,)) * values.times
        elif self._kind is Kind.INT64:
            self.values += array("q", [value or 0 for value in values])
            self._given += bytes([value is not None for value in values])
        else:
            self.values += array("q", values)

    def array(self) -> pa.Array:
        """All of them, one for each row."""
        given = np.frombuffer(self._given, dtype=bool) if self._kind is Kind.INT64 else None
        return plain(TYPES[self._kind], np.frombuffer(self.values, dtype=np.int64), given)


class _Floats:
    """Finite numbers; None is kept as NaN, which no value is."""

    def __init__(self, _kind: Kind) -> None:
        self._values = array("d")

    def add(self, values: Values) -> None:
        if isinstance(values, np.ndarray):
            self._values.frombytes(values.tobytes())
        else:
            self._values += array("d", [nan if value is None else value for value in values])

    def array(self) -> pa.Array:
        values = np.frombuffer(self._values, dtype=np.float64)
        return plain(pa.float64(), values, ~np.isnan(values))


class _Hashes:
    """128-bit numbers."""

    def __init__(self, _kind: Kind) -> None:
        self._data = bytearray()

    def add(self, values: Values) -> None:
        if type(values) is Repeat:
            self._data += values.value.to_bytes(16, "little") * values.times
        else:
            self._data += b"".join([value.to_bytes(16, "little") for value in values])

    def array(self) -> pa.Array:
        data = pa.py_buffer(bytes(self._data))
        return pa.Array.from_buffers(pa.binary(16), len(self._data) // 16, [None, data])


COLUMNS: Mapping[Kind, Callable[[Kind], Column]] = {
    Kind.TEXT: Texts,
    Kind.JSON: _Json,
    Kind.FLOAT: _Floats,
    Kind.TIME_MS: Integers,
    Kind.INT64: Integers,
    Kind.UINT32: Integers,
    Kind.UINT128: _Hashes,
}
