"""requirements.lock: pinned with hashes, names no index, and holds what pyproject asks for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
FOUND = re.findall(r"^([\w.\-]+)==([^\s;]+)", LOCK, re.MULTILINE)
PINS = {canonicalize_name(name): version for name, version in FOUND}


def test_it_holds_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]
    for text in wanted:
        requirement = Requirement(text)
        version = PINS.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is missing: run deploy/lock"
        assert requirement.specifier.contains(version, prereleases=True), f"{text} is locked at {version}"


def test_every_pin_has_a_hash_and_no_index_is_named() -> None:
    entries = re.split(r"^(?=[\w.\-]+==)", LOCK, flags=re.MULTILINE)[1:]
    assert len(entries) == len(PINS)
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in LOCK
    assert "index-url" not in LOCK
