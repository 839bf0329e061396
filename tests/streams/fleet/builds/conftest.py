from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.objects import FolderObjects
from tests.streams.fleet.builds.processes import files, nothing_left_behind


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path / "objects", base_url="", secret=b"s")


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "work"
    with nothing_left_behind(path):
        yield path
    assert files(path) == ["empty"]
