"""Installing the chart library: only the pinned bytes, and a sentence when it can't be had."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from deploy import assets


def test_other_bytes_than_the_pinned_ones_are_refused() -> None:
    with pytest.raises(assets.AssetsUnavailable, match="not the package that was pinned"):
        assets.verify(b"something else")


def test_without_npm_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(assets.AssetsUnavailable, match="apt-get install npm"):
        assets.install_assets(tmp_path)
    assert not assets.installed(tmp_path)


def test_it_installs_once_and_leaves_nothing_beside(tmp_path: Path) -> None:
    folder = assets.install_assets(tmp_path)
    assert assets.installed(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
    assert sorted(path.name for path in folder.iterdir()) == sorted(assets.UPLOT.files.values())
    before = (folder / "uPlot.esm.js").stat().st_mtime_ns
    assert assets.install_assets(tmp_path) == folder
    assert (folder / "uPlot.esm.js").stat().st_mtime_ns == before
