"""What an export leaves in the object store beside its files: a manifest of each day, and one of the studio.

    warehouse/STUDIO/manifest.json                  which days there are, and the revision of each
    warehouse/STUDIO/manifests/DAY.json             the files of a day, by view
    warehouse/STUDIO/VIEW/DAY/NAME.parquet          rows of a view whose `at` is in that day (UTC)

Views without `at` are exported whole, under the day `whole`. A file's name follows from what is in it, and
no file is ever written over by another: the files that a manifest names are one state of a day.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

VERSION: Final = 1
WHOLE: Final = "whole"
"""The day of views that have no time."""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column: its type in ClickHouse, that of its Parquet files in Arrow's words, what it holds."""

    name: str
    type: str
    parquet: str
    comment: str


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A Parquet file: its key in the object store, rows, bytes, SHA-256 of its bytes in hex."""

    key: str
    rows: int
    bytes: int
    sha256: str


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A view's rows of the day; all files have these columns. `revision`: the day's, of their last change."""

    name: str
    comment: str
    revision: int
    rows: int
    columns: list[Column]
    files: list[File]


Positions = dict[str, dict[str, int]]
"""By topic and partition the next offset: every record before it is in the files."""


class DayManifest(msgspec.Struct, frozen=True, kw_only=True):
    """All of a day. A view that has no rows of it is not among its tables.

    `revision` counts from 1 and grows with every change; `changed` names the views that the last one was of,
    also those that have no rows any more. `content` follows from the rows: the same rows have the same. Rows
    that came after `positions` may be in it too.
    """

    version: int = VERSION
    studio_id: str
    day: str
    revision: int
    content: str
    written_at: str
    positions: Positions
    changed: list[str]
    tables: list[Table]


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """A day as the studio's manifest names it: `sha256` is that of the day's manifest."""

    manifest: str
    revision: int
    content: str
    rows: int
    sha256: str


class StudioManifest(msgspec.Struct, frozen=True, kw_only=True):
    """Which days of a studio are exported. `through` is the last that a run has looked at.

    Of the days that the latest run looked at, all that was in the log before `positions` is in their files.
    """

    version: int = VERSION
    studio_id: str
    written_at: str
    through: str
    positions: Positions
    days: dict[str, Day]


def studio_key(studio_id: str) -> str:
    """Where the studio's manifest is."""
    return f"warehouse/{studio_id}/manifest.json"


def day_key(studio_id: str, day: str) -> str:
    """Where a day's manifest is."""
    return f"warehouse/{studio_id}/manifests/{day}.json"


def folder_key(studio_id: str, view: str, day: str) -> str:
    """The folder of a view's files of a day."""
    return f"warehouse/{studio_id}/{view}/{day}"


def encode(manifest: DayManifest | StudioManifest) -> bytes:
    """As JSON, for programs and for people."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=1)


def listed(manifest: DayManifest, body: bytes) -> Day:
    """How the studio's manifest names a day whose manifest is `body`."""
    return Day(
        manifest=day_key(manifest.studio_id, manifest.day),
        revision=manifest.revision,
        content=manifest.content,
        rows=sum(table.rows for table in manifest.tables),
        sha256=hashlib.sha256(body).hexdigest(),
    )
