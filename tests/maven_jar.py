"""Jars that only tests need: fetched by Maven into the cache of Kafka's, each pinned by its hash."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Final

from deploy.stack.kafka_jars import default_cache

_COPY: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"


def fetch_jar(group: str, name: str, version: str, classifier: str, sha256: str) -> Path:
    """The jar's path; fetched the first time, by one process at a time. The classifier may be empty."""
    cache = default_cache()
    cache.mkdir(parents=True, exist_ok=True)
    file = "-".join(filter(None, (name, version, classifier))) + ".jar"
    jar = cache / file
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jar.exists():
            work = cache / f"{name}.part"
            shutil.rmtree(work, ignore_errors=True)
            maven = shutil.which("mvn")
            assert maven is not None, "Maven is missing: install Debian's package maven"
            artifact = ":".join(filter(None, (group, name, version, "jar", classifier)))
            command = [maven, "-q", "-B", "-C", _COPY, f"-Dartifact={artifact}", f"-DoutputDirectory={work}"]
            subprocess.run(command, check=True)  # noqa: S603 - Maven, with our own arguments
            assert _sha256(work / file) == sha256
            (work / file).rename(jar)
            shutil.rmtree(work)
    assert _sha256(jar) == sha256
    return jar


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
