"""Kafka's jars for the embedded stack: fetched once by Maven, each checked against the hash it is pinned by.

`kafka_jars.sha256` lists every jar as `sha256sum` writes it: nothing else is put on the broker's class path.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from deploy.stack.program import PartFailed

KAFKA_VERSION: Final = "4.1.0"
"""Pinned: aiokafka 0.14 was measured against 4.1."""
HASHES: Final = Path(__file__).with_name("kafka_jars.sha256")
_LOG4J_VERSION: Final = "2.24.3"
_DEPENDENCY_PLUGIN: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


def default_cache() -> Path:
    """Where fetched jars are kept for all homes of this user."""
    chosen = os.environ.get("QUESTLOG_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "questlog"


def fetch_jars(cache: Path) -> Path:
    """The folder of Kafka's jars; fetched by Maven the first time (54 MB), by one process at a time.

    Raises PartFailed naming what to install when Maven is missing, Maven's last lines when it fails, or the
    jars that are not as pinned.
    """
    folder = cache / f"kafka-{KAFKA_VERSION}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            return folder
        maven = shutil.which("mvn")
        if maven is None:
            raise PartFailed(
                "Maven is missing: install Debian's package maven (it fetches Kafka's jars once)"
            )
        work = cache / f"kafka-{KAFKA_VERSION}.part"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        (work / "pom.xml").write_text(_pom())
        # -C: an artifact, the plugin's own included, whose checksum is not the repository's is an error
        command = [
            maven,
            "-q",
            "-B",
            "-C",
            _DEPENDENCY_PLUGIN,
            "-DoutputDirectory=jars",
            "-DincludeScope=runtime",
        ]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        if done.returncode:
            tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
            raise PartFailed(f"Maven could not fetch Kafka {KAFKA_VERSION}:\n{tail}")
        verify(work / "jars")
        (work / "jars").rename(folder)  # whole or not at all
        shutil.rmtree(work)
    return folder


def verify(folder: Path) -> None:
    """Raises PartFailed unless all are as pinned; names each that differs, is missing or is one too many."""
    lines = HASHES.read_text(encoding="ascii").splitlines()
    pinned = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in folder.iterdir()}
    wrong = sorted(name for name in pinned.keys() | found.keys() if pinned.get(name) != found.get(name))
    if wrong:
        raise PartFailed(
            f"Kafka's jars are not those that {HASHES.name} pins: {', '.join(wrong)}. Nothing was installed."
        )


def _pom() -> str:
    wanted = (
        ("org.apache.kafka", "kafka_2.13", KAFKA_VERSION),
        ("org.apache.kafka", "kafka-tools", KAFKA_VERSION),
        ("org.apache.logging.log4j", "log4j-slf4j-impl", _LOG4J_VERSION),
    )
    dependencies = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
        f"<version>{version}</version></dependency>"
        for group, artifact, version in wanted
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>questlog</groupId><artifactId>kafka-runtime</artifactId><version>1</version>"
        f"<packaging>pom</packaging><dependencies>{dependencies}</dependencies></project>"
    )
