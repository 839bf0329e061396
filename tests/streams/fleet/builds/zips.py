"""ZIP archives made byte by byte, so that each of their fields can lie, and artefacts read back."""

from __future__ import annotations

import io
import os
import struct
import tarfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import zstandard

from streams.fleet.builds.archive import archive_to_artefact
from streams.fleet.builds.messages import Level, Made, Step

SCRIPT = b"#!/bin/sh\nexit 0\n"
UNIX = 3
FILE_MODE, FOLDER_MODE, LINK_MODE = 0o100644, 0o040755, 0o120777


def elf(kind: int = 2, machine: int = 62, bits: int = 2) -> bytes:
    return b"\x7fELF" + bytes([bits, 1, 1]) + bytes(9) + struct.pack("<2H", kind, machine) + bytes(40)


@dataclass(frozen=True)
class Item:
    """One entry; what is None follows from the content."""

    name: bytes
    content: bytes = b""
    mode: int = FILE_MODE
    method: int = 8
    flags: int = 0
    made_by: int = UNIX
    packed: bytes | None = None
    size: int | None = None
    packed_size: int | None = None
    crc: int | None = None
    extra: bytes = b""
    offset: int | None = None
    local_name: bytes | None = None
    local_size: int | None = None
    local_extra: bytes = b""
    local_numbers: bool = True
    """False: zeros, as where a descriptor follows."""
    attributes: int = 0
    disk: int = 0

    def packed_content(self) -> bytes:
        if self.packed is not None:
            return self.packed
        return deflated(self.content) if self.method == 8 else self.content


def deflated(content: bytes) -> bytes:
    compress = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compress.compress(content) + compress.flush()


def script(name: bytes = b"run") -> Item:
    return Item(name, SCRIPT, mode=0o100755)


def link(name: bytes, target: bytes) -> Item:
    return Item(name, target, mode=LINK_MODE, method=0)


def local(item: Item) -> bytes:
    data = item.packed_content()
    numbers = (
        zlib.crc32(item.content) if item.crc is None else item.crc,
        len(data) if item.packed_size is None else item.packed_size,
        (len(item.content) if item.size is None else item.size)
        if item.local_size is None
        else item.local_size,
    )
    name = item.name if item.local_name is None else item.local_name
    head = struct.pack(
        "<4s5H3L2H",
        b"PK\x03\x04",
        20,
        item.flags,
        item.method,
        0,
        33,
        *(numbers if item.local_numbers else (0, 0, 0)),
        len(name),
        len(item.local_extra),
    )
    return head + name + item.local_extra + data


def central(item: Item, offset: int) -> bytes:
    data = item.packed_content()
    return (
        struct.pack(
            "<4s6H3L5H2L",
            b"PK\x01\x02",
            item.made_by << 8 | 20,
            20,
            item.flags,
            item.method,
            0,
            33,
            zlib.crc32(item.content) if item.crc is None else item.crc,
            len(data) if item.packed_size is None else item.packed_size,
            len(item.content) if item.size is None else item.size,
            len(item.name),
            len(item.extra),
            0,
            item.disk,
            0,
            item.mode << 16 | item.attributes,
            offset if item.offset is None else item.offset,
        )
        + item.name
        + item.extra
    )


def end(entries: int, size: int, offset: int, comment: bytes = b"", disk: int = 0) -> bytes:
    return (
        struct.pack("<4s4H2LH", b"PK\x05\x06", disk, disk, entries, entries, size, offset, len(comment))
        + comment
    )


def end_64(entries: int, size: int, offset: int, at: int) -> bytes:
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, size, offset)
    return record + struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)


def archive(*items: Item) -> bytes:
    """An archive of these entries, in this order."""
    body, directory = parts(*items)
    return body + directory + end(len(items), len(directory), len(body))


def parts(*items: Item) -> tuple[bytes, bytes]:
    """Its entries, and its directory."""
    body, directory = io.BytesIO(), io.BytesIO()
    for item in items:
        directory.write(central(item, body.tell()))
        body.write(local(item))
    return body.getvalue(), directory.getvalue()


def with_zip64(item: Item, offset: int) -> Item:
    """The same with its numbers in ZIP64's field."""
    size, packed = len(item.content), len(item.packed_content())
    return replace(
        item,
        size=0xFFFFFFFF,
        packed_size=0xFFFFFFFF,
        offset=0xFFFFFFFF,
        extra=struct.pack("<2H3Q", 1, 24, size, packed, offset),
        local_extra=struct.pack("<2H2Q", 1, 16, size, packed),
    )


class Lines:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.told: list[tuple[Level, Step, str]] = []

    def __call__(self, level: Level, step: Step, message: str) -> None:
        self.told.append((level, step, message))


def process(
    data: bytes, folder: Path, executable: str = "run", log: Lines | None = None
) -> tuple[Made, bytes]:
    """What processing makes of an archive, and the artefact."""
    path = folder / "upload.zip"
    path.write_bytes(data)
    output = io.BytesIO()
    file = os.open(path, os.O_RDONLY)
    try:
        made = archive_to_artefact(file, executable, output, log or Lines())
    finally:
        os.close(file)
    return made, output.getvalue()


Unpacked = dict[str, tuple[bytes, int, bytes | str]]
"""Type, mode, and content or target, by path."""


def unpacked(artefact: bytes) -> Unpacked:
    found: Unpacked = {}
    with tarfile.open(
        fileobj=io.BytesIO(zstandard.ZstdDecompressor().decompressobj().decompress(artefact))
    ) as tar:
        names = []
        for member in tar:
            assert (member.uid, member.gid, member.uname, member.gname, member.mtime) == (0, 0, "", "", 0)
            names.append(member.name)
            file = tar.extractfile(member) if member.isreg() else None
            found[member.name] = (member.type, member.mode, file.read() if file else member.linkname)
        assert names == sorted(set(names))
    return found
