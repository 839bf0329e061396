"""Exports, read back by DuckDB: what is in them, what changes them, what a run that died leaves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from deploy.clock import now_ms
from deploy.object_urls import SignedUrls
from deploy.objects import FolderObjects
from deploy.objects_s3 import S3Objects
from projections.clickhouse.client import ClickHouse
from projections.warehouse.export import Export, Exported, ExportRefused
from projections.warehouse.manifest import DayManifest, StudioManifest, day_key, studio_key
from projections.warehouse.plan import DAY_MS, Part
from projections.warehouse.source import Source, View
from schemas.timestamps import iso_ms
from tests.deploy.analysts_twin import twins
from tests.deploy.analysts_world import OTHER, STUDIO
from tests.duck import duck_rows
from tests.s3_server import KEY, SECRET, s3_server

pytestmark = pytest.mark.stack
Store = FolderObjects | S3Objects
URLS: Final = SignedUrls(base_url="http://localhost:4000", secret=b"secret")
DAY: Final = "2026-05-20"
DAYS: Final = ("2026-05-19", DAY)
"""A run over all days writes some 400 files: most tests are about two."""
NOW_MS: Final = now_ms()
YESTERDAY: Final = iso_ms(NOW_MS - DAY_MS)[:10]
FAR: Final = "2100-01-01"
"""Some rows of the history are of the moment when it is written, and some of years to come."""
SUMS: Final = (  # by the beginning of a column's type: in ClickHouse, in DuckDB
    (("UInt", "Int", "Float", "Nullable(UInt", "Nullable(Int", "Nullable(Float"), "sum({})", "sum({})"),
    (
        ("DateTime", "Nullable(DateTime"),
        "sum(toUnixTimestamp64Milli(toDateTime64({}, 3, 'UTC')))",
        "sum(epoch_ms({}))",
    ),
    (("String", "LowCardinality(String)", "Nullable(String)"), "sum(length({}))", "sum(strlen({}))"),
    (("Bool",), "countIf({})", "count(*) FILTER ({})"),
    (("Map",), "sum(length({}))", "sum(cardinality({}))"),
    (("Array",), "sum(length({}))", "sum(len({}))"),
)


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with s3_server(tmp_path_factory.mktemp("s3")) as address:
        yield address


@pytest.fixture
async def owner(clickhouse_url: str, clickhouse_home: Path) -> AsyncIterator[ClickHouse]:
    async for client, _ in twins(clickhouse_url, clickhouse_home):
        yield client


@pytest.fixture
def folder(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path, base_url="http://localhost:4000", secret=b"secret")


async def run(export: Export, *days: str) -> list[Exported]:
    return [one async for one in export.run(*days)]


def export_of(owner: ClickHouse, store: Store, studio: str = STUDIO, **options: Any) -> Export:
    return Export(Source(owner), store, studio, **{"now_ms": lambda: NOW_MS, **options})


async def manifests(store: Store, studio: str = STUDIO) -> dict[str, DayManifest]:
    """Of all days that the studio's names, each checked against it."""
    body = await store.read(studio_key(studio))
    assert body is not None
    found = {}
    for day, entry in json.loads(body)["days"].items():
        told = await store.read(entry["manifest"])
        assert told is not None
        assert (entry["manifest"], entry["sha256"]) == (
            day_key(studio, day),
            hashlib.sha256(told).hexdigest(),
        )
        found[day] = msgspec.json.decode(told, type=DayManifest)
        assert entry["rows"] == sum(table.rows for table in found[day].tables)
    return found


async def fetched(store: Store, into: Path, days: dict[str, DayManifest]) -> dict[str, list[str]]:
    """The files of each view, as local paths; each is what its manifest says."""
    found: dict[str, list[str]] = {}
    for manifest in days.values():
        for table in manifest.tables:
            for file in table.files:
                body = await store.read(file.key)
                assert body is not None
                assert (len(body), hashlib.sha256(body).hexdigest()) == (file.bytes, file.sha256)
                path = into / file.key.replace("/", "_")
                path.write_bytes(body)
                found.setdefault(table.name, []).append(str(path))
            assert sum(file.rows for file in table.files) == table.rows
    return found


async def sums(owner: ClickHouse, view: View, studio: str, days: Sequence[str]) -> list[float]:
    told = ", ".join(f"toFloat64({clickhouse})" for clickhouse, _ in sums_of(view))
    within = f"toString(toDate(at)) BETWEEN '{days[0]}' AND '{days[1]}'" if days and view.timed else "1"
    query = f"SELECT count(), {told} FROM {view.name} WHERE studio_id = '{studio}' AND {within}"
    (row,) = await owner.views.rows(query)
    return [float(value or 0) for value in row]


def duck_sums(view: View, files: list[str]) -> list[float]:
    told = ", ".join(f"CAST({duck} AS DOUBLE)" for _, duck in sums_of(view))
    (row,) = duck_rows(f"SELECT count(*), {told} FROM read_parquet({files})")
    return [float(value or 0) for value in row]


def sums_of(view: View) -> list[tuple[str, str]]:
    found = []
    for column in view.columns:
        ((clickhouse, duck),) = [told for kinds, *told in SUMS if column.type.startswith(kinds)]
        found.append((clickhouse.format(column.name), duck.format(f'"{column.name}"')))
    return found


@pytest.mark.parametrize(
    "case",
    [("folder", STUDIO, ()), ("folder", OTHER, DAYS), ("s3", STUDIO, DAYS)],
    ids=["folder, all days", "folder, the other studio", "s3"],
)
async def test_duckdb_reads_what_clickhouse_holds_of_one_studio(
    owner: ClickHouse, tmp_path: Path, case: tuple[str, str, tuple[str, ...]], request: pytest.FixtureRequest
) -> None:
    kind, studio, days = case
    store: Store = FolderObjects(tmp_path / "store", base_url="http://localhost:4000", secret=b"secret")
    if kind == "s3":
        location = f"s3://bucket/exports?endpoint={request.getfixturevalue('s3')}"
        store = S3Objects(location, key=KEY, secret=SECRET, urls=URLS)
    views = {view.name: view for view in await Source(owner).views()}
    assert len(views) > 30
    written = await run(export_of(owner, store, studio), *(days or ("", FAR)))
    written_days = await manifests(store, studio)
    assert sorted(written_days) == sorted(one.day for one in written)
    files = await fetched(store, tmp_path, written_days)
    if not days:
        assert files.keys() == views.keys(), "the history has rows of every view"
    for name, paths in files.items():
        held = await sums(owner, views[name], studio, days)
        assert duck_sums(views[name], paths) == pytest.approx(held, rel=1e-9), name
        only = duck_rows(f"SELECT DISTINCT studio_id FROM read_parquet({paths})")
        assert only == [(studio,)], name


async def test_a_manifest_says_what_is_in_its_files(owner: ClickHouse, folder: FolderObjects) -> None:
    await run(export_of(owner, folder), *DAYS)
    days = await manifests(folder)
    tables = {table.name: table for table in days[DAY].tables}
    for table in tables.values():  # all with a time
        (schema,) = {
            tuple(duck_rows(f"DESCRIBE SELECT * FROM '{folder.path(file.key)}'")) for file in table.files
        }
        assert [row[0] for row in schema] == [column.name for column in table.columns]
        assert [column for column in table.columns if not column.comment or not column.parquet] == []
        paths = [str(folder.path(file.key)) for file in table.files]
        at = """strftime("at" AT TIME ZONE 'UTC', '%Y-%m-%d')"""
        assert duck_rows(f"SELECT DISTINCT {at} FROM read_parquet({paths})") == [(DAY,)]
    told = {column.name: (column.type, column.parquet) for column in tables["events"].columns}
    assert told["at"] == ("DateTime64(3, 'UTC')", "timestamp[ms, tz=UTC]")
    assert (days[DAY].revision, days[DAY].changed) == (1, sorted(tables))
    positions = await owner.system.rows("SELECT topic, partition, next_offset FROM reader_positions FINAL")
    told_positions = days[DAY].positions
    assert all(told_positions[topic][str(partition)] == offset for topic, partition, offset in positions)
    assert told_positions["telemetry"]["0"] > 0


def kept(store: FolderObjects) -> dict[str, int]:
    root = store.path("warehouse")
    return {
        str(path.relative_to(root)): path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()
    }


async def test_only_days_that_changed_are_written_again(owner: ClickHouse, folder: FolderObjects) -> None:
    await run(export_of(owner, folder), *DAYS)
    before, first = kept(folder), await manifests(folder)
    assert await run(export_of(owner, folder), *DAYS) == []
    again = kept(folder)
    studio = f"{STUDIO}/manifest.json"
    assert {name for name in before if again[name] != before[name]} == {studio}
    await owner.command(
        "INSERT INTO events (studio_id, game_id, session_id, player_id, event_name, occurred_at, _offset)"
        f" SELECT '{STUDIO}', 'game_1', 'late', 'late', 'late', toDateTime64('{DAY} 23:59:59.5', 3, 'UTC'), 9"
    )
    try:
        (late,) = await run(export_of(owner, folder), *DAYS)
        assert (late.day, late.revision, late.changed) == (DAY, 2, ["events"])
        now = await manifests(folder)
        assert {day for day in now if now[day] != first[day]} == {DAY}
        assert rows_of(now[DAY], "events") == rows_of(first[DAY], "events") + 1
        named = {file.key for one in now.values() for table in one.tables for file in table.files}
        left = {f"warehouse/{name}" for name in kept(folder) if name.endswith(".parquet")}
        assert left == named, "files that were replaced are gone"
    finally:
        await owner.command("ALTER TABLE events DELETE WHERE session_id = 'late' SETTINGS mutations_sync = 2")
    (forgotten,) = await run(export_of(owner, folder), *DAYS)
    assert (forgotten.day, forgotten.revision, forgotten.changed) == (DAY, 3, ["events"])
    last = (await manifests(folder))[DAY]
    assert keys_of(last) == keys_of(first[DAY])
    assert {table.name for table in last.tables if table.revision != 1} == {"events"}


def keys_of(manifest: DayManifest) -> dict[str, int]:
    """Rows by key: the same rows may be in another order."""
    return {file.key: file.rows for table in manifest.tables for file in table.files}


def rows_of(manifest: DayManifest, view: str) -> int:
    return next(table.rows for table in manifest.tables if table.name == view)


class Dying(Source):
    """Breaks off in the middle of the file after `left` whole ones."""

    def __init__(self, client: ClickHouse, left: int) -> None:
        super().__init__(client)
        self.left = left
        self.asked = 0

    async def _broken(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        self.asked += 1
        async for piece in pieces:
            if self.left == 0:
                yield piece[: len(piece) // 2]
                raise ConnectionError("died")
            yield piece
        self.left -= 1

    def parquet(self, view: View, studio_id: str, part: Part) -> AsyncIterator[bytes]:
        return self._broken(super().parquet(view, studio_id, part))


async def test_a_run_that_died_is_gone_on_with(owner: ClickHouse, folder: FolderObjects) -> None:
    source = Dying(owner, 10)
    with pytest.raises(ConnectionError):
        await run(Export(source, folder, STUDIO, now_ms=lambda: NOW_MS), *DAYS)
    assert await folder.read(studio_key(STUDIO)) is None
    left = {name for name in kept(folder) if name.endswith(".parquet")}
    assert len(left) == 10
    again = Dying(owner, -1)
    await run(Export(again, folder, STUDIO, now_ms=lambda: NOW_MS), *DAYS)
    days = await manifests(folder)
    files = [file.key for manifest in days.values() for table in manifest.tables for file in table.files]
    assert again.asked == len(files) - 10
    assert {f"warehouse/{name}" for name in left} <= set(files)


async def test_large_days_are_split_and_no_row_is_lost_or_twice(
    owner: ClickHouse, folder: FolderObjects, tmp_path: Path
) -> None:
    await run(export_of(owner, folder, file_bytes=3_000), *DAYS)
    files = await fetched(folder, tmp_path, await manifests(folder))
    assert len(files["players"]) > 1, "an hour that is too large is split by its rows"
    assert len(files["events"]) > len(DAYS)
    views = {view.name: view for view in await Source(owner).views()}
    for name, paths in files.items():
        held = await sums(owner, views[name], STUDIO, DAYS)
        assert duck_sums(views[name], paths) == pytest.approx(held, rel=1e-9), name


async def test_what_clickhouse_forgets_stays_exported(owner: ClickHouse, folder: FolderObjects) -> None:
    ((day,),) = await owner.rows("SELECT toString(toDate(at)) FROM fleet_logs WHERE studio_id = 'stu_1'")
    await run(export_of(owner, folder), day, day)
    logs = rows_of((await manifests(folder))[day], "server_logs")
    later = export_of(owner, folder, now_ms=lambda: NOW_MS + 8 * DAY_MS)
    await owner.command("TRUNCATE TABLE fleet_logs")
    assert await run(later, day, day) == []
    assert rows_of((await manifests(folder))[day], "server_logs") == logs == 1


async def test_the_last_day_is_the_last_that_is_over(owner: ClickHouse, folder: FolderObjects) -> None:
    await run(export_of(owner, folder), YESTERDAY)
    body = await folder.read(studio_key(STUDIO))
    assert body is not None
    studio = msgspec.json.decode(body, type=StudioManifest)
    assert (studio.through, list(studio.days)) == (YESTERDAY, ["whole"])


async def test_a_day_is_told_in_full_however_it_was_asked_for(
    owner: ClickHouse, folder: FolderObjects
) -> None:
    await run(export_of(owner, folder), "2026-5-20", "2026-5-20")
    body = await folder.read(studio_key(STUDIO))
    assert body is not None
    studio = msgspec.json.decode(body, type=StudioManifest)
    assert (studio.through, DAY in studio.days) == (DAY, True)


@pytest.mark.parametrize(
    ("days", "why"),
    [(("yesterday", ""), "is no day"), (("2026-05-02", "2026-05-01"), "there is no day from")],
)
async def test_what_is_no_range_of_days_is_refused(
    owner: ClickHouse, folder: FolderObjects, days: tuple[str, str], why: str
) -> None:
    with pytest.raises(ExportRefused, match=why):
        await run(export_of(owner, folder), *days)
    assert not list(folder.path("warehouse").glob("**/*"))
