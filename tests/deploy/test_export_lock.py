"""One export of a studio at a time from a home, and a home that can't be written is said to be one."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from deploy.cli.errors import RequestRefused
from deploy.cli.export import _alone
from deploy.settings import Settings


def test_a_second_export_of_a_studio_is_refused_and_not_another_studio_s(tmp_path: Path) -> None:
    home = Settings(home=tmp_path / "home")
    with _alone(home, "demo"), _alone(home, "other"):
        (lock,) = (tmp_path / "home").glob("export-demo*")
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600
        with pytest.raises(RequestRefused, match="an export of demo runs already"), _alone(home, "demo"):
            pass
    with _alone(home, "demo"):
        pass


def test_a_home_that_can_t_be_written_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    home = Settings(home=tmp_path / "file" / "home")
    with (
        pytest.raises(RequestRefused, match=r"export-demo\.lock can't be made .*--home"),
        _alone(home, "demo"),
    ):
        pass
