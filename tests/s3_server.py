"""A real S3-compatible server for tests: S3Proxy on a folder, its jar fetched by Maven and pinned by hash."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import requests

from deploy.stack.kafka_jars import default_cache
from deploy.stack.ports import free_port

VERSION: Final = "2.6.0"
SHA256: Final = "12e5e88d805cfed07f7d88b4a44a0d8ecb9f9d3cebeb544bb34fbc4ded1049d8"
KEY, SECRET = "local-key", "local-secret"
START_SECONDS: Final = 120.0
_NAME: Final = f"s3proxy-{VERSION}-jar-with-dependencies.jar"
_COPY: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"


def fetch_jar() -> Path:
    """The server's jar in the cache of Kafka's."""
    cache = default_cache()
    cache.mkdir(parents=True, exist_ok=True)
    jar = cache / _NAME
    with (cache / "s3proxy.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jar.exists():
            work = cache / "s3proxy.part"
            shutil.rmtree(work, ignore_errors=True)
            maven = shutil.which("mvn")
            assert maven is not None, "Maven is missing: install Debian's package maven"
            artifact = f"org.gaul:s3proxy:{VERSION}:jar:jar-with-dependencies"
            command = [maven, "-q", "-B", "-C", _COPY, f"-Dartifact={artifact}", f"-DoutputDirectory={work}"]
            subprocess.run(command, check=True)  # noqa: S603 - Maven, with our own arguments
            assert hashlib.sha256((work / _NAME).read_bytes()).hexdigest() == SHA256
            (work / _NAME).rename(jar)
            shutil.rmtree(work)
    assert hashlib.sha256(jar.read_bytes()).hexdigest() == SHA256
    return jar


@contextmanager
def s3_server(home: Path) -> Iterator[str]:
    """Serves the bucket `bucket`, which is the folder `home/data/bucket`; its address."""
    jar = fetch_jar()
    (home / "data" / "bucket").mkdir(parents=True)
    address = f"http://127.0.0.1:{free_port()}"
    settings = {
        "s3proxy.authorization": "aws-v4",
        "s3proxy.endpoint": address,
        "s3proxy.identity": KEY,
        "s3proxy.credential": SECRET,
        "s3proxy.ignore-unknown-headers": "true",  # a session's token
        "jclouds.provider": "filesystem-nio2",
        "jclouds.identity": "unused",
        "jclouds.credential": "unused",
        "jclouds.filesystem.basedir": str(home / "data"),
    }
    properties = home / "s3proxy.conf"
    properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    java = shutil.which("java")
    assert java is not None
    with (home / "s3proxy.log").open("wb") as log:
        command = [
            java,
            "-Xmx192m",
            "-XX:TieredStopAtLevel=1",
            "-jar",
            str(jar),
            "--properties",
            str(properties),
        ]
        server = subprocess.Popen(  # noqa: S603 - our own arguments
            command, stdout=log, stderr=log, env={"PATH": os.environ["PATH"]}
        )
    try:
        _wait(address, server)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        assert server.poll() is None, "S3Proxy ended"
        assert time.monotonic() < end, "S3Proxy did not start"
        try:
            requests.get(address, timeout=5)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
