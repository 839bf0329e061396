from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest
import zstandard

from streams.fleet.builds.artefact import ArtefactWriter
from streams.fleet.host.cache import BuildCache, NotTheBuild


def artefact(content: dict[str, bytes]) -> tuple[str, bytes]:
    output = io.BytesIO()
    writer = ArtefactWriter(output)
    folders: set[str] = set()
    for path, data in sorted(content.items()):
        for above in reversed(Path(path).parents[:-1]):
            if str(above) not in folders:
                folders.add(str(above))
                writer.folder(str(above))
        writer.file(path, len(data), [data], executable=path == "serve")
    sha256, _ = writer.end()
    return sha256, output.getvalue()


@pytest.fixture
def cache(tmp_path: Path) -> BuildCache:
    return BuildCache(tmp_path / "builds", bytes_max=1000, shared=os.geteuid() == 0)


def test_a_build_is_unpacked_whole_with_its_modes(cache: BuildCache) -> None:
    sha256, data = artefact({"serve": b"#!/bin/sh\n", "maps/one": b"1"})
    assert cache.get(sha256) is None
    folder = cache.put(sha256, io.BytesIO(data))
    assert folder == cache.get(sha256) == cache.put(sha256, io.BytesIO(data))
    assert (folder / "maps/one").read_bytes() == b"1"
    assert os.access(folder / "serve", os.X_OK)
    assert not (folder / "maps/one").stat().st_mode & 0o111
    assert cache.held() == [sha256]


def test_another_content_than_the_hash_says_leaves_nothing(cache: BuildCache, tmp_path: Path) -> None:
    sha256, data = artefact({"serve": b"x"})
    for wrong in (data[:-9], data + b"more", b"not zstd at all", artefact({"other": b"y"})[1]):
        with pytest.raises(NotTheBuild):
            cache.put(sha256, io.BytesIO(wrong))
    assert cache.held() == []
    assert list((tmp_path / "builds").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "kind", "target"),
    [
        ("../out", tarfile.REGTYPE, ""),
        ("/etc/x", tarfile.REGTYPE, ""),
        ("link/x", tarfile.REGTYPE, ""),
        ("null", tarfile.CHRTYPE, ""),
        ("hard", tarfile.LNKTYPE, "/etc/passwd"),
    ],
)
def test_entries_that_leave_the_build_are_refused(
    cache: BuildCache, name: str, kind: bytes, target: str, tmp_path: Path
) -> None:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        archive.addfile(link)
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, target
        archive.addfile(entry)
    data = zstandard.compress(plain.getvalue())
    with pytest.raises(NotTheBuild):
        cache.put(hashlib.sha256(data).hexdigest(), io.BytesIO(data))
    assert not (tmp_path / "x").exists()
    assert cache.held() == []


def test_the_least_recently_used_build_goes_first_and_a_used_one_never(cache: BuildCache) -> None:
    made = [artefact({"data": bytes([number]) * 400}) for number in range(4)]
    for sha256, data in made:
        cache.put(sha256, io.BytesIO(data))
    hashes = [sha256 for sha256, _ in made]
    cache.get(hashes[0])
    assert cache.shrink({hashes[1]}) == [hashes[2], hashes[3]]
    assert set(cache.held()) == {hashes[0], hashes[1]}


def test_what_a_death_left_unfinished_is_removed(cache: BuildCache, tmp_path: Path) -> None:
    (tmp_path / "builds/.unfinished/content").mkdir(parents=True)
    BuildCache(tmp_path / "builds", bytes_max=1, shared=False)
    assert cache.held() == []
    assert list((tmp_path / "builds").iterdir()) == []
