"""An archive's entries, read strictly, and their content.

Every entry is checked against its local header, so that a program that reads the archive from its front sees
the same; none may share bytes with another (David Fifield, "A better zip bomb"). Sizes are what is written,
not what is declared. Source: APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.12, 4.4 and 4.5.3.
"""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from streams.fleet.builds.limits import LINK_BYTES_MAX, PIECE_BYTES
from streams.fleet.builds.paths import checked_name
from streams.fleet.builds.refused import BuildRefused, shown
from streams.fleet.builds.zip_directory import MAX_16, MAX_32, Directory, find_directory
from streams.fleet.builds.zip_source import Source

Kind = Literal["file", "folder", "link"]

_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_CENTRAL_SIGNATURE: Final = b"PK\x01\x02"
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_LOCAL_SIGNATURE: Final = b"PK\x03\x04"
_ENCRYPTED: Final = 1 << 0 | 1 << 6 | 1 << 13
_PATCHED: Final = 1 << 5
_DESCRIPTOR: Final = 1 << 3
"""Sizes and checksum come behind the content; the directory has them too."""
_UTF8: Final = 1 << 11
STORED: Final = 0
DEFLATED: Final = 8
_ZIP64: Final = 1
_FOLDER_ATTRIBUTE: Final = 0x10
_KINDS: Final[dict[int, Kind]] = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}


@dataclass(frozen=True, slots=True)
class Entry:
    """What the directory says of an entry, checked. Its content is not yet."""

    path: str
    """`""` is the root itself."""
    kind: Kind
    executable: bool
    method: int
    crc: int
    packed_bytes: int
    size: int
    header: int
    """Where its local header begins."""
    start: int
    """Where its content begins."""

    @property
    def end(self) -> int:
        """Where its content has ended."""
        return self.start + self.packed_bytes


def read_entries(source: Source) -> list[Entry]:
    """All entries in the directory's order. Raises BuildRefused; paths may not fit together."""
    directory = find_directory(source)
    entries = list(_entries(source, directory))
    end = 0
    before = ""
    for entry in sorted(entries, key=lambda one: one.header):
        if entry.header < end:
            raise BuildRefused(
                f"entries {shown(before)} and {shown(entry.path)} share bytes of the archive: zip it anew"
            )
        end, before = entry.end, entry.path
    if end > directory.offset:
        raise BuildRefused(f"entry {shown(before)} runs into the archive's directory: zip it anew")
    return entries


def content(source: Source, entry: Entry, took: Callable[[int], None] = lambda _: None) -> Iterator[bytes]:
    """An entry's content in pieces. `took` gets the bytes of each before it is given.

    Raises what `took` raises, and BuildRefused where it is not as the directory says: then all of it is void.
    """
    pieces = _stored(source, entry) if entry.method == STORED else _inflated(source, entry)
    crc = written = 0
    for piece in pieces:
        written += len(piece)
        if written > entry.size:
            raise BuildRefused(
                f"entry {shown(entry.path)} declares {entry.size:,} bytes and holds more: zip it anew"
            )
        took(len(piece))
        crc = zlib.crc32(piece, crc)
        yield piece
    if written != entry.size or crc != entry.crc:
        raise BuildRefused(
            f"entry {shown(entry.path)} is damaged: {written:,} bytes with checksum {crc:08x} instead of "
            f"{entry.size:,} with {entry.crc:08x}. Zip it anew, and upload it whole"
        )


def small_content(source: Source, entry: Entry, size_max: int = LINK_BYTES_MAX) -> bytes:
    """The whole content of a small entry. Raises BuildRefused, also for more bytes."""
    if entry.size > size_max:
        raise BuildRefused(f"link {shown(entry.path)}: a target of more than {size_max:,} bytes: shorten it")
    return b"".join(content(source, entry))


def _stored(source: Source, entry: Entry) -> Iterator[bytes]:
    for offset in range(entry.start, entry.end, PIECE_BYTES):
        yield source.read(offset, min(PIECE_BYTES, entry.end - offset))


def _inflated(source: Source, entry: Entry) -> Iterator[bytes]:
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    offset, waiting = entry.start, b""
    try:
        while not inflate.eof:
            if not waiting:
                waiting = source.read(offset, min(PIECE_BYTES, entry.end - offset))
                offset += len(waiting)
            piece = inflate.decompress(waiting, PIECE_BYTES)
            if not (piece or waiting or inflate.eof):
                raise BuildRefused(f"entry {shown(entry.path)} ends too early: zip it anew")
            waiting = inflate.unconsumed_tail
            if piece:
                yield piece
    except zlib.error as error:
        raise BuildRefused(f"entry {shown(entry.path)} can't be inflated ({error}): zip it anew") from None
    if inflate.unused_data or offset < entry.end:
        raise BuildRefused(f"entry {shown(entry.path)} has bytes behind its content: zip it anew")


def _entries(source: Source, directory: Directory) -> Iterator[Entry]:
    records = source.read(directory.offset, directory.size)
    at = 0
    for _ in range(directory.entries):
        if at + _CENTRAL.size > len(records):
            raise BuildRefused("the archive's directory lists fewer entries than it counts: zip it anew")
        fields = _CENTRAL.unpack_from(records, at)
        if fields[0] != _CENTRAL_SIGNATURE:
            raise BuildRefused("the archive's directory is damaged: zip it anew")
        name_at = at + _CENTRAL.size
        extra_at = name_at + fields[10]
        comment_at = extra_at + fields[11]
        at = comment_at + fields[12]
        if at > len(records):
            raise BuildRefused("the archive's directory is damaged: zip it anew")
        yield _entry(source, fields, records[name_at:extra_at], records[extra_at:comment_at])
    if at != len(records):
        raise BuildRefused("the archive's directory lists more entries than it counts: zip it anew")


def _entry(source: Source, fields: tuple[Any, ...], raw: bytes, extra: bytes) -> Entry:
    _, _, _, flags, method, _, _, crc, packed, size, _, _, _, disk, _, attributes, header = fields
    path = checked_name(raw)
    what = f"entry {shown(path or '.')}"
    if flags & _ENCRYPTED:
        raise BuildRefused(f"{what} is encrypted: zip it without a password")
    if flags & _PATCHED or method not in {STORED, DEFLATED}:
        raise BuildRefused(f"{what} is compressed by method {method}: use deflate, or store it")
    size, packed, header, disk = _widened(extra, (size, packed, header), disk, what)
    if disk:
        raise BuildRefused("the archive is split over several files: upload it as one")
    if method == STORED and packed != size:
        raise BuildRefused(f"{what} is stored, yet declares {packed:,} bytes as {size:,}: zip it anew")
    kind, executable = _kind(raw, attributes, what)
    if kind == "folder" and size:
        raise BuildRefused(f"{what} is a folder, yet has content: zip it anew")
    if not path and kind != "folder":
        raise BuildRefused(f"{what} is the root itself and no folder: zip it anew")
    start = _content_start(source, header, (flags, method, crc, packed, size), raw, what)
    return Entry(path, kind, executable, method, crc, packed, size, header, start)


def _kind(raw: bytes, attributes: int, what: str) -> tuple[Kind, bool]:
    """What an entry is, and whether it is executable. Set-user-id and its like are not read."""
    mode = attributes >> 16
    kind: Kind = "folder" if raw.endswith(b"/") or attributes & _FOLDER_ATTRIBUTE else "file"
    form = stat.S_IFMT(mode)
    if not form:
        return kind, bool(mode & 0o111) and kind == "file"
    said = _KINDS.get(form)
    if said is None:
        raise BuildRefused(f"{what} is a device, pipe or socket: leave it out")
    if raw.endswith(b"/") and said != "folder":
        raise BuildRefused(f"{what} is a folder by its name and none by its mode: zip it anew")
    return said, bool(mode & 0o111) and said == "file"


def _widened(extra: bytes, numbers: tuple[int, int, int], disk: int, what: str) -> tuple[int, int, int, int]:
    """Size, packed size, place and disk, from ZIP64's field where the record has no room for them."""
    wanted = [number == MAX_32 for number in numbers]
    if not any(wanted) and disk != MAX_16:
        return *numbers, disk
    field = _zip64_field(extra, what)
    need = 8 * sum(wanted) + 4 * (disk == MAX_16)
    if field is None or len(field) < need:
        raise BuildRefused(f"{what}: its ZIP64 field is missing or too short: zip it anew")
    widened = list(numbers)
    at = 0
    for place in range(len(numbers)):
        if wanted[place]:
            widened[place] = int.from_bytes(field[at : at + 8], "little")
            at += 8
    if disk == MAX_16:
        disk = int.from_bytes(field[at : at + 4], "little")
    return widened[0], widened[1], widened[2], disk


def _zip64_field(extra: bytes, what: str) -> bytes | None:
    found = None
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        at += 4
        if at + size > len(extra):
            raise BuildRefused(f"{what}: its extra fields are damaged: zip it anew")
        if kind == _ZIP64:
            if found is not None:
                raise BuildRefused(f"{what} has several ZIP64 fields: zip it anew")
            found = extra[at : at + size]
        at += size
    return found


def _content_start(
    source: Source, header: int, said: tuple[int, int, int, int, int], raw: bytes, what: str
) -> int:
    """Where the content begins, once the local header says the same as the directory."""
    record = source.read(header, _LOCAL.size)
    fields: tuple[Any, ...] = _LOCAL.unpack(record)
    signature, _, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = fields
    if signature != _LOCAL_SIGNATURE:
        raise BuildRefused(f"{what} is not where the archive's directory says: zip it anew")
    rest = source.read(header + _LOCAL.size, name_bytes + extra_bytes)
    if MAX_32 in {packed, size}:
        size, packed, _, _ = _widened(rest[name_bytes:], (size, packed, 0), 0, what)
    compared = _ENCRYPTED | _DESCRIPTOR | _UTF8
    same = (flags & compared, method) == (said[0] & compared, said[1]) and rest[:name_bytes] == raw
    numbers = (crc, packed, size)
    if not same or (numbers != said[2:] and not (flags & _DESCRIPTOR and not any(numbers))):
        raise BuildRefused(
            f"{what}: the archive's directory and the entry's own header contradict each other: zip it anew"
        )
    start: int = header + _LOCAL.size + name_bytes + extra_bytes
    return start
