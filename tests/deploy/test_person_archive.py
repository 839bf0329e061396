"""A person's archive holds what was put into it and says what that is, and is there whole or not at all."""

from __future__ import annotations

import json
import stat
import zipfile
from typing import TYPE_CHECKING

import pytest

from deploy.person_archive import ArchiveRefused, line_of, new_archive
from schemas.persons import Person

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PERSON = Person(studio_id="studio_1", games=("game_1",), id="player-7")
MADE_AT = "2026-11-30T12:00:00.000Z"


async def pieces(*given: bytes) -> AsyncIterator[bytes]:
    for piece in given:
        yield piece


def left(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_an_archive_names_its_files_with_their_rows(tmp_path: Path) -> None:
    target = tmp_path / "person.zip"
    with new_archive(target, PERSON, MADE_AT) as archive:
        await archive.add("clickhouse/events.jsonl", pieces(line_of({"a": 1}) * 2, line_of({"a": "ü"})))
        await archive.add("clickhouse/feedback.jsonl", pieces())
        await archive.add("objects/video.webm", pieces(b"\x00\n", b"\xff"), rows=False)
        manifest = archive.finish()
        assert not target.exists()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with zipfile.ZipFile(target) as file:
        assert file.namelist() == ["clickhouse/events.jsonl", "objects/video.webm", "manifest.json"]
        assert file.read("objects/video.webm") == b"\x00\n\xff"
        told = json.loads(file.read("manifest.json"))
    assert told["person"] == {
        "studio_id": "studio_1",
        "games": ["game_1"],
        "id": "player-7",
        "devices": [],
        "handles": [],
    }
    assert [(one["name"], one["rows"]) for one in told["files"]] == [
        ("clickhouse/events.jsonl", 3),
        ("objects/video.webm", None),
    ]
    assert [one.bytes for one in manifest.files] == [len(line_of({"a": 1})) * 2 + len(line_of({"a": "ü"})), 3]


async def test_what_fails_leaves_nothing_and_what_is_there_stays(tmp_path: Path) -> None:
    target = tmp_path / "person.zip"

    async def broken() -> AsyncIterator[bytes]:
        yield b"{}\n"
        raise ConnectionError("away")

    with pytest.raises(ConnectionError), new_archive(target, PERSON, MADE_AT) as archive:
        await archive.add("clickhouse/events.jsonl", broken())
    assert left(tmp_path) == []
    target.write_text("mine")
    with pytest.raises(ArchiveRefused, match="there already"), new_archive(target, PERSON, MADE_AT):
        pytest.fail("it may not begin")
    assert target.read_text() == "mine"
