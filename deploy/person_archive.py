"""Everything of one person in one file: JSON Lines for each table and noun, objects, and what they are.

A ZIP, since a person may open it. It is written piece by piece, and appears whole or not at all. Its last
member, `manifest.json`, says what is in it.
"""

from __future__ import annotations

import zipfile
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.private_files import new_private_file

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from schemas.persons import Person

FORM: Final = 1
MANIFEST: Final = "manifest.json"


class ArchiveRefused(Exception):
    """No archive was written; the message says why."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One file of an archive. An object has no rows."""

    name: str
    bytes: int
    rows: int | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive holds. Ids of games are those of the studio."""

    form: int
    questlog: str
    """The release that wrote it."""
    made_at: str
    person: Person
    files: list[Member]


class PersonArchive:
    """One that is being written."""

    def __init__(self, file: zipfile.ZipFile, person: Person, made_at: str) -> None:
        self._file = file
        self._person = person
        self._made_at = made_at
        self.members: list[Member] = []

    async def add(self, name: str, pieces: AsyncIterator[bytes], *, rows: bool = True) -> None:
        """Add a file of pieces, none where there is no piece. With `rows` each line is one."""
        size = lines = 0
        member = None
        try:
            async for piece in pieces:
                member = member or self._file.open(name, "w", force_zip64=True)
                member.write(piece)
                size += len(piece)
                lines += piece.count(b"\n")
        finally:
            if member is not None:
                member.close()
        if member is not None:
            self.members.append(Member(name=name, bytes=size, rows=lines if rows else None))

    def finish(self) -> Manifest:
        """Add the manifest: nothing can be added after it."""
        manifest = Manifest(
            form=FORM,
            questlog=version("questlog"),
            made_at=self._made_at,
            person=self._person,
            files=self.members,
        )
        self._file.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2))
        return manifest


@contextmanager
def new_archive(target: Path, person: Person, made_at: str) -> Iterator[PersonArchive]:
    """A new file, for its owner alone, that is there once the block has ended, and not where it raises.

    Raises ArchiveRefused where there is one of that name, and OSError where it can't be written.
    """
    if target.exists():
        raise ArchiveRefused(f"{target} is there already")
    with new_private_file(target) as raw, zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as file:
        yield PersonArchive(file, person, made_at)


def line_of(value: Any) -> bytes:
    """One row as a line of JSON."""
    return msgspec.json.encode(value) + b"\n"
