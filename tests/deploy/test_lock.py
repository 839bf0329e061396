"""The lock files: pinned with hashes, naming no index, and holding what they are made from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
INSTALLERS = sorted((ROOT / "deploy" / "installers").glob("*.in"))
LOCKS = [ROOT / "requirements.lock", ROOT / "deploy" / "production.lock"]
LOCKS += [wanted.with_suffix(".lock") for wanted in INSTALLERS]


def pins(lock: Path) -> dict[str, str]:
    found = re.findall(r"^([\w.\-]+)==([^\s;]+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def test_it_holds_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]
    found = pins(LOCKS[0])
    for text in wanted:
        requirement = Requirement(text)
        version = found.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is missing: run deploy/lock"
        assert requirement.specifier.contains(version, prereleases=True), f"{text} is locked at {version}"


@pytest.mark.parametrize("wanted", INSTALLERS, ids=lambda path: path.name)
def test_what_installs_is_locked_too(wanted: Path) -> None:
    name, version = wanted.read_text(encoding="utf-8").strip().split("==")
    assert pins(wanted.with_suffix(".lock"))[canonicalize_name(name)] == version


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_pin_has_a_hash_and_no_index_is_named(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    entries = re.split(r"^(?=[\w.\-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(pins(lock))
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
    assert "index-url" not in text


@pytest.mark.parametrize("script", ["deploy/install.sh", "deploy/Dockerfile"])
def test_nothing_is_installed_without_its_hash(script: str) -> None:
    installs = re.findall(r"pip\"? install[^\n]*", (ROOT / script).read_text(encoding="utf-8"))
    assert installs
    ours = re.compile(r"--no-deps (-e )?\.( |$)")  # this checkout itself
    assert [one for one in installs if "--require-hashes" not in one and not ours.search(one)] == []
