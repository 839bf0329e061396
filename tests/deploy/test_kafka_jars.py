"""Kafka's jars: only what is pinned by hash comes onto the broker's class path."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from deploy.stack.kafka_jars import HASHES, KAFKA_VERSION, default_cache, verify
from deploy.stack.program import PartFailed


@pytest.fixture
def jars(tmp_path: Path) -> Path:
    folder = tmp_path / "jars"
    shutil.copytree(
        default_cache() / f"kafka-{KAFKA_VERSION}", folder, ignore=shutil.ignore_patterns("*.jsa")
    )
    return folder


def test_the_list_holds_the_pinned_version() -> None:
    assert re.search(rf"kafka_2\.13-{re.escape(KAFKA_VERSION)}\.jar$", HASHES.read_text(), re.MULTILINE)


def test_the_fetched_jars_are_the_pinned_ones_and_others_are_named(jars: Path) -> None:
    verify(jars)
    with next(jars.glob("kafka-clients-*.jar")).open("ab") as changed:
        changed.write(b"\0")
    next(jars.glob("lz4-java-*.jar")).unlink()
    (jars / "zz-extra.jar").touch()
    with pytest.raises(PartFailed, match=r"kafka-clients-.*lz4-java-.*zz-extra\.jar"):
        verify(jars)
