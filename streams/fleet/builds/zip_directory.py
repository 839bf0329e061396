"""Where an archive's directory of entries lies: the records at its end, read strictly.

Two readers must not be able to see two different archives in the same bytes, so what is read in
several ways by several readers is refused: bytes before the archive or behind it, a second end record in the
comment, a directory that does not end where the end record begins, numbers of ZIP64 that contradict others.
Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.14 to 4.3.16.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from streams.fleet.builds.limits import ENTRIES_MAX
from streams.fleet.builds.refused import BuildRefused
from streams.fleet.builds.zip_source import Source

DIRECTORY_BYTES_MAX: Final = 64 * 2**20
MAX_16: Final = 0xFFFF
MAX_32: Final = 0xFFFFFFFF
_END: Final = struct.Struct("<4s4H2LH")
_END_SIGNATURE: Final = b"PK\x05\x06"
_LOCATOR: Final = struct.Struct("<4sLQL")
_LOCATOR_SIGNATURE: Final = b"PK\x06\x07"
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_END_64_SIGNATURE: Final = b"PK\x06\x06"
_SIZE_FIELDS_BYTES: Final = 12
"""Signature and size of the ZIP64 end record, which its size does not count."""


class Directory(NamedTuple):
    """The central directory."""

    offset: int
    size: int
    entries: int


class _Numbers(NamedTuple):
    disk: int
    directory_disk: int
    entries_here: int
    entries: int
    size: int
    offset: int


_WIDTHS: Final = _Numbers(MAX_16, MAX_16, MAX_16, MAX_16, MAX_32, MAX_32)
"""What each number is where ZIP64 holds it instead."""


def find_directory(source: Source) -> Directory:
    """Where the entries are listed, and how many there are. Raises BuildRefused."""
    end, numbers = _end_record(source)
    if end >= _LOCATOR.size:
        locator = source.read(end - _LOCATOR.size, _LOCATOR.size)
        if locator.startswith(_LOCATOR_SIGNATURE):
            end, numbers = _end_record_64(source, end - _LOCATOR.size, locator, numbers)
    if numbers.disk or numbers.directory_disk or numbers.entries_here != numbers.entries:
        raise BuildRefused("the archive is split over several files: upload it as one")
    if numbers.entries > ENTRIES_MAX:
        raise BuildRefused(
            f"the archive has {numbers.entries:,} entries, more than {ENTRIES_MAX:,}: pack small files"
        )
    if numbers.size > DIRECTORY_BYTES_MAX:
        raise BuildRefused(
            f"the archive's directory has more than {DIRECTORY_BYTES_MAX:,} bytes: zip it anew"
        )
    if numbers.offset + numbers.size != end:
        raise BuildRefused(
            "the archive's directory does not end where its end record begins: bytes were put before, into "
            "or behind it. Zip it anew, without self-extractor or signature"
        )
    return Directory(numbers.offset, numbers.size, numbers.entries)


def _end_record(source: Source) -> tuple[int, _Numbers]:
    """The end record's offset and numbers."""
    size = min(source.size, _END.size + MAX_16)
    start = source.size - size
    tail = source.read(start, size)
    found = []
    at = tail.find(_END_SIGNATURE)
    while at >= 0:
        if at + _END.size <= size:
            _, *numbers, comment = _END.unpack_from(tail, at)
            if at + _END.size + comment == size:
                found.append((start + at, _Numbers(*numbers)))
        at = tail.find(_END_SIGNATURE, at + 1)
    if not found:
        raise BuildRefused("this is no ZIP archive, or it was cut off: upload a .zip file, whole")
    if len(found) > 1:
        raise BuildRefused("the archive has several end records: zip it anew, without a comment")
    return found[0]


def _end_record_64(source: Source, end: int, locator: bytes, plain: _Numbers) -> tuple[int, _Numbers]:
    """The same of ZIP64, whose locator is at `end`."""
    _, disk, offset, disks = _LOCATOR.unpack(locator)
    if disk or disks != 1:
        raise BuildRefused("the archive is split over several files: upload it as one")
    if offset + _END_64.size > end:
        raise BuildRefused("the archive's ZIP64 end record is not where its locator says: zip it anew")
    record = source.read(offset, _END_64.size)
    signature, size, _, _, *numbers = _END_64.unpack(record)
    if signature != _END_64_SIGNATURE or offset + _SIZE_FIELDS_BYTES + size != end:
        raise BuildRefused("the archive's ZIP64 end record is not where its locator says: zip it anew")
    wide = _Numbers(*numbers)
    if any(small not in {width, large} for small, large, width in zip(plain, wide, _WIDTHS, strict=True)):
        raise BuildRefused("the archive's two end records contradict each other: zip it anew")
    return offset, wide
