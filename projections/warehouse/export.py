"""The export of a studio: every day whose rows have changed since it was last exported, and no other.

What each hour of each view holds is summed up in ClickHouse and compared with the manifests: so late events,
corrections and persons who were forgotten are found in whatever day they are. Files come first, the day's
manifest then, files that it no longer names go, and the studio's manifest comes last. A run that died is gone
on with: files that are whole are kept. A row that arrives while its day is written may be in a file already
or not; the sums that the manifest holds are from before, so that the next run writes such a day again.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import msgspec

from projections.warehouse.manifest import (
    WHOLE,
    Column,
    DayManifest,
    File,
    StudioManifest,
    Table,
    day_key,
    encode,
    folder_key,
    listed,
    studio_key,
)
from projections.warehouse.parquet_file import FileSummary, read_file, write_file
from projections.warehouse.plan import DAY_MS, HOUR_MS, Hour, Part, digest_of, parts_of
from projections.warehouse.source import HOURS_MAX, KEPT_DAYS
from schemas.objects import new_object
from schemas.timestamps import iso_ms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

    from projections.warehouse.manifest import Day, Positions
    from projections.warehouse.source import Source, View
    from schemas.objects import ObjectStore

FILE_BYTES: Final = 256 << 20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HOURS: Final = DAY_MS // HOUR_MS
_Manifest = TypeVar("_Manifest", DayManifest, StudioManifest)
_Plan = dict[str, list[Part]]
"""The files of a day, by view."""


class ExportRefused(Exception):
    """The export can't be made as asked. The message is for the person at the screen."""


class Exported(msgspec.Struct, frozen=True):
    """A day that a run wrote. `files` are the new ones; none where only its manifest was written."""

    day: str
    revision: int
    rows: int
    files: int
    changed: list[str]


class _Now(NamedTuple):
    """What a run goes by: how far the tables had come when it began, and the views by name."""

    positions: Positions
    views: Mapping[str, View]


class Export:
    """Exports one studio into an object store. One run of a studio at a time."""

    def __init__(
        self,
        source: Source,
        objects: ObjectStore,
        studio_id: str,
        *,
        now_ms: Callable[[], int],
        file_bytes: int = FILE_BYTES,
    ) -> None:
        """`file_bytes` is about what a file's rows may take in memory; its Parquet takes less."""
        self._source = source
        self._objects = objects
        self._studio_id = studio_id
        self._now_ms = now_ms
        self._file_bytes = file_bytes

    async def run(self, first: str = "", through: str = "") -> AsyncIterator[Exported]:
        """Export the days from `first` to `through`, both included; yields each that has changed.

        Without them every day there is, up to the last that is over. Views without time are looked at each
        time. Called twice: the second run writes the studio's manifest anew, and nothing else.
        Raises ExportRefused, NoParquet and what the stores raise; the studio's manifest is then as before.
        """
        began_ms = self._now_ms()
        last = _day(_hour(through) if through else (began_ms // DAY_MS - 1) * _HOURS)
        begin, end = (_hour(first) if first else 0), _hour(last) + _HOURS
        if begin >= end:
            raise ExportRefused(f"there is no day from {first} to {last}")
        before = await self._studio_manifest()
        positions = await self._source.positions()
        now = _Now(positions, {view.name: view for view in await self._source.views()})
        planned = await self._plan(now.views, begin, end, began_ms)
        days = dict(before.days) if before is not None else {}
        for day in sorted(planned.keys() | {day for day in days if _within(day, begin, end)}):
            plan = await self._with_forgotten(day, planned.get(day, {}), began_ms)
            content = _content(plan)
            if day in days and days[day].content == content:
                continue
            manifest, new = await self._write_day(day, plan, content, now, days.get(day))
            days[day] = listed(manifest, encode(manifest))
            yield Exported(day, manifest.revision, days[day].rows, new, manifest.changed)
        whole = StudioManifest(
            studio_id=self._studio_id,
            written_at=iso_ms(self._now_ms()),
            through=max(last, before.through) if before is not None else last,
            positions=positions,
            days=days,
        )
        await self._put(studio_key(self._studio_id), encode(whole))

    async def _plan(self, views: Mapping[str, View], begin: int, end: int, now_ms: int) -> dict[str, _Plan]:
        """The files of each day that has rows."""
        planned: dict[str, _Plan] = defaultdict(dict)
        for view in views.values():
            since = max(begin, _kept_since(view.name, now_ms)) if view.timed else 0
            by_day: dict[str, list[Hour]] = defaultdict(list)
            hours = await self._source.hours(view, self._studio_id, since, end)
            if len(hours) > HOURS_MAX:
                raise ExportRefused(
                    f"{view.name} has rows in more than {HOURS_MAX:,} hours: ask for fewer days"
                )
            for hour in hours:
                by_day[_day(hour.hour) if view.timed else WHOLE].append(hour)
            for day, held in by_day.items():
                planned[day][view.name] = parts_of(held, view.schema, self._file_bytes)
        return planned

    async def _with_forgotten(self, day: str, plan: _Plan, now_ms: int) -> _Plan:
        """The plan with what was exported of views whose tables have begun to forget that day."""
        forgetting = [view for view in KEPT_DAYS if day != WHOLE and _hour(day) < _kept_since(view, now_ms)]
        before = await self._day_manifest(day) if forgetting else None
        kept = [table for table in before.tables if table.name in forgetting] if before is not None else []
        return plan | {table.name: [Part(_name(file), 0, 0, 0, 1) for file in table.files] for table in kept}

    async def _write_day(
        self,
        day: str,
        plan: _Plan,
        content: str,
        now: _Now,
        was: Day | None,
    ) -> tuple[DayManifest, int]:
        """Files, manifest, and away with what it does not name. How many files are new."""
        before = await self._day_manifest(day)
        if before is not None and before.content == content:  # of a run that died
            await self._remove_unnamed(before, now.views.keys())
            return before, 0
        revision = 1 + max(one.revision if one is not None else 0 for one in (before, was))
        old = {table.name: table for table in before.tables} if before is not None else {}
        tables: list[Table] = []
        changed: list[str] = []
        new = 0
        for name, parts in sorted(plan.items()):
            if name in old and [_name(file) for file in old[name].files] == [part.name for part in parts]:
                tables.append(old[name])
                continue
            table, written = await self._write_table(day, now.views[name], parts, old.get(name))
            new += written
            changed.append(name)
            tables.append(msgspec.structs.replace(table, revision=revision))
        manifest = DayManifest(
            studio_id=self._studio_id,
            day=day,
            revision=revision,
            content=content,
            written_at=iso_ms(self._now_ms()),
            positions=now.positions,
            changed=sorted([*changed, *(old.keys() - plan.keys())]),
            tables=tables,
        )
        await self._put(day_key(self._studio_id, day), encode(manifest))
        await self._remove_unnamed(manifest, now.views.keys() | old.keys())
        return manifest, new

    async def _remove_unnamed(self, manifest: DayManifest, views: Iterable[str]) -> None:
        named = {file.key for table in manifest.tables for file in table.files}
        for view in sorted(views):
            folder = folder_key(self._studio_id, view, manifest.day)
            for one in await self._objects.names(folder):
                if f"{folder}/{one}" not in named:
                    await self._objects.delete(f"{folder}/{one}")

    async def _write_table(
        self, day: str, view: View, parts: list[Part], old: Table | None
    ) -> tuple[Table, int]:
        """A view's files, those that are not there yet; how many these are."""
        known = {file.key: file for file in old.files} if old is not None else {}
        types = {column.name: column.parquet for column in old.columns} if old is not None else {}
        files: list[File] = []
        new = 0
        for part in parts:
            key = f"{folder_key(self._studio_id, view.name, day)}/{part.name}"
            if key in known:
                files.append(known[key])
                continue
            size = await self._objects.size(key)
            facts: FileSummary | None
            if size is not None:  # of a run that died
                facts = await read_file(self._objects, key, size)
            else:
                facts = await write_file(
                    self._objects, key, self._source.parquet(view, self._studio_id, part)
                )
                new += facts is not None
            if facts is not None:
                types = facts.types
                files.append(File(key=key, rows=facts.rows, bytes=facts.bytes, sha256=facts.sha256))
        columns = [
            Column(name=one.name, type=one.type, parquet=types.get(one.name, ""), comment=one.comment)
            for one in view.columns
        ]
        table = Table(
            name=view.name,
            comment=view.comment,
            revision=0,
            rows=sum(file.rows for file in files),
            columns=columns,
            files=files,
        )
        return table, new

    async def _studio_manifest(self) -> StudioManifest | None:
        body = await self._objects.read(studio_key(self._studio_id))
        return None if body is None else _decoded(body, StudioManifest, studio_key(self._studio_id))

    async def _day_manifest(self, day: str) -> DayManifest | None:
        body = await self._objects.read(day_key(self._studio_id, day))
        return None if body is None else _decoded(body, DayManifest, day_key(self._studio_id, day))

    async def _put(self, key: str, body: bytes) -> None:
        async with new_object(self._objects, key) as writer:
            await writer.write(body)


def _decoded(body: bytes, kind: type[_Manifest], key: str) -> _Manifest:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise ExportRefused(
            f"{key} is no manifest: {error}. Remove it, and the next export writes it"
        ) from None


def _content(plan: _Plan) -> str:
    return digest_of(f"{view}/{part.name}" for view, parts in sorted(plan.items()) for part in parts)


def _name(file: File) -> str:
    return file.key.rpartition("/")[2]


def _kept_since(view: str, now_ms: int) -> int:
    """The first hour of the first day of which a view's table has forgotten nothing."""
    days = KEPT_DAYS.get(view)
    return 0 if days is None else -(-(now_ms - days * DAY_MS) // DAY_MS) * _HOURS


def _within(day: str, begin: int, end: int) -> bool:
    return day == WHOLE or begin <= _hour(day) < end


def _day(hour: int) -> str:
    return (_EPOCH + timedelta(hours=hour)).strftime("%Y-%m-%d")


def _hour(day: str) -> int:
    """The first hour of a day. Raises ExportRefused for what is no day."""
    try:
        return int((datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC) - _EPOCH).total_seconds()) // 3600
    except ValueError:
        raise ExportRefused(f"{day!r} is no day: they are written as 2026-01-05, and are UTC's") from None
