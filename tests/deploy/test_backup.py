"""A home that is destroyed and restored from its backup; what is cut short, damaged or in use is refused."""

from __future__ import annotations

import io
import random
import shutil
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zstandard
from redis.asyncio import Redis

from deploy import settings
from deploy.cli import running_stack
from deploy.cli.backup import backup_command
from deploy.cli.restore import restore_command
from deploy.home_archive import MARK, ArchiveRefused, archive, restore
from deploy.object_store import open_objects
from deploy.settings import Settings
from deploy.stack.clickhouse import clickhouse_url
from deploy.stack.ports import free_port
from deploy.stack.program import running_parts
from deploy.stack.programs import Ports, stores
from deploy.stack.redis import redis_url
from deploy.stack.supervisor import StartFailed
from deploy.topics import ensure_topics
from projections.clickhouse.client import ClickHouse
from schemas.objects import new_object
from schemas.topics import Topic
from streams.runtime.partition_reads import KafkaTail
from streams.runtime.producer import KafkaAppender

TOPIC = Topic(name="kept", partitions=1, description="")


def stack_of(home: Path) -> tuple[Settings, Ports]:
    ports = Ports(http=1, kafka=free_port(), redis=free_port(), clickhouse=free_port())
    settings.make_secret(home)
    made = Settings(home=home, kafka=f"localhost:{ports.kafka}")
    return settings.from_environment(
        made.environment(),
        redis_url=redis_url(ports.redis, made.store_password("redis user")),
        clickhouse_url=clickhouse_url(ports.clickhouse, made.store_password("clickhouse")),
    ), ports


async def written(configured: Settings) -> str:
    """Something in each store; the log's id."""
    await ensure_topics(configured.kafka, [TOPIC])
    appender, tail = KafkaAppender(configured.kafka), KafkaTail(configured.kafka)
    for number in range(3):
        await appender.append("kept", 0, b"%d" % number)
    await appender.stop()
    identity = await tail.log_id("kept")
    await tail.stop()
    async with Redis.from_url(configured.redis_url) as redis:
        await redis.set("kept", "value")
    clickhouse = ClickHouse(configured.clickhouse_url, "default")
    await clickhouse.command("CREATE DATABASE kept")
    await clickhouse.command("CREATE TABLE kept.numbers (n UInt64) ENGINE = MergeTree ORDER BY n")
    await clickhouse.command("INSERT INTO kept.numbers SELECT number FROM numbers(1000)")
    await clickhouse.close()
    async with new_object(open_objects(configured), "kept/object") as writer:
        await writer.write(b"an object")
    return identity


async def read(configured: Settings) -> tuple[Any, ...]:
    """What `written` has left: the log's id, records, a key, the sum of the rows, an object."""
    tail = KafkaTail(configured.kafka)
    records = [record.value async for record in tail.read("kept", 0, 0)]
    identity = await tail.log_id("kept")
    await tail.stop()
    async with Redis.from_url(configured.redis_url) as redis:
        value = await redis.get("kept")
    clickhouse = ClickHouse(configured.clickhouse_url, "default")
    ((total,),) = await clickhouse.rows("SELECT sum(n) FROM kept.numbers")
    await clickhouse.close()
    return identity, records, value, total, await open_objects(configured).read("kept/object")


@pytest.mark.stack
async def test_a_destroyed_home_is_restored_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, file = tmp_path / "home", tmp_path / "backup"
    configured, ports = stack_of(home)
    async with running_parts(stores(configured, ports), home / "logs"):
        identity = await written(configured)
        before = await read(configured)
    backup_command(file, home=home)
    assert f"{file}: " in capsys.readouterr().out
    assert file.stat().st_mode & 0o077 == 0
    shutil.rmtree(home)
    other = tmp_path / "other" / "home"
    restore_command(file, home=other)
    assert "as of 20" in capsys.readouterr().out
    assert not (other / "logs").exists()
    again, ports = stack_of(other)
    async with running_parts(stores(again, ports), other / "logs"):
        after = await read(again)
    assert after == before == (identity, [b"0", b"1", b"2"], b"value", 499_500, b"an object")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in small: what is left out, links of both kinds, a folder, and bytes that can't be packed."""
    made = tmp_path / "home"
    settings.make_secret(made)
    (made / "logs").mkdir()
    (made / "logs" / "edge.log").write_text("said")
    (made / "fleet" / "host").mkdir(parents=True)
    (made / "clickhouse" / "store").mkdir(parents=True)
    (made / "clickhouse" / "store" / "rows").write_bytes(random.Random(1).randbytes(300_000))
    (made / "clickhouse" / "store" / "same").hardlink_to(made / "clickhouse" / "store" / "rows")
    (made / "clickhouse" / "metadata").symlink_to("store")
    (made / "empty").mkdir()
    return made


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_home_comes_back_as_it_was_but_for_what_is_made_anew(home: Path, tmp_path: Path) -> None:
    file, other = tmp_path / "file", tmp_path / "other"
    other.mkdir()
    now = datetime(2026, 1, 2, tzinfo=UTC)
    contents = archive(home, file, now=now)
    assert contents.made_at == "2026-01-02T00:00:00+00:00"
    assert restore(file, other) == contents
    assert names(other) == {
        "secret",
        "empty",
        "clickhouse",
        "clickhouse/store",
        "clickhouse/store/rows",
        "clickhouse/store/same",
        "clickhouse/metadata",
    }
    for name in ("rows", "same"):
        there = other / "clickhouse" / "store" / name
        assert there.read_bytes() == (home / "clickhouse" / "store" / "rows").read_bytes()
        assert there.stat().st_nlink == 1
    assert (other / "secret").read_bytes() == (home / "secret").read_bytes()
    assert (other / "secret").stat().st_mode & 0o777 == 0o600
    assert (other / "clickhouse" / "store").stat().st_mode & 0o777 == 0o700
    assert (other / "clickhouse" / "metadata").readlink() == Path("store")
    assert {path.name for path in tmp_path.iterdir()} == {"home", "file", "other"}


def test_what_is_cut_short_or_damaged_is_refused_and_leaves_nothing(home: Path, tmp_path: Path) -> None:
    file, bad, other = tmp_path / "file", tmp_path / "bad", tmp_path / "other"
    archive(home, file)
    whole = file.read_bytes()
    middle = len(whole) // 2
    for body in (
        b"",
        b"questlog",
        whole[:-1],
        whole[:middle],
        whole[:middle] + whole[middle + 1 :],
        whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        whole[:-20] + whole[-18:],
        whole[: -len(MARK) - 4] + MARK,  # without the checksum
    ):
        bad.write_bytes(body)
        with pytest.raises(ArchiveRefused, match=r"is no backup|is damaged"):
            restore(bad, other)
        assert not other.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"home", "file", "bad"}


@pytest.mark.parametrize(
    ("name", "leads_to"),
    [("../outside", ""), ("/outside", ""), ("a/../../outside", ""), ("a/link", "/etc"), ("a/link", "../..")],
)
def test_what_would_be_written_elsewhere_is_refused(name: str, leads_to: str, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with (
        zstandard.ZstdCompressor().stream_writer(packed, closefd=False) as writer,
        tarfile.open(fileobj=writer, mode="w|") as tar,
    ):
        member = tarfile.TarInfo(name)
        member.type, member.linkname = (tarfile.SYMTYPE if leads_to else tarfile.REGTYPE), leads_to
        tar.addfile(member)
    (tmp_path / "file").write_bytes(packed.getvalue() + MARK)
    with pytest.raises(ArchiveRefused, match="holds what no home does"):
        restore(tmp_path / "file", tmp_path / "home")
    assert {path.name for path in tmp_path.iterdir()} == {"file"}


def test_nothing_is_overwritten(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    archive(home, file)
    with pytest.raises(ArchiveRefused, match="is there already"):
        archive(home, file)
    with pytest.raises(ArchiveRefused, match="would be in the home itself"):
        archive(home, home / "file")
    with pytest.raises(ArchiveRefused, match="it has no secret"):
        archive(tmp_path, tmp_path / "another")
    before = names(home)
    with pytest.raises(ArchiveRefused, match="is not empty"):
        restore(file, home)
    assert names(home) == before


def test_a_running_stack_s_home_is_refused(home: Path, tmp_path: Path) -> None:
    with running_stack.lock_of(home) as lock:
        running_stack.hold(lock, home)
        with pytest.raises(StartFailed, match="a stack already runs on"):
            backup_command(tmp_path / "file", home=home)
    assert not (tmp_path / "file").exists()
