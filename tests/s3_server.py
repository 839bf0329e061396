"""A real S3-compatible server for tests: S3Proxy on a folder, its jar fetched by Maven and pinned by hash."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import requests

from deploy.stack.ports import free_port
from tests.maven_jar import fetch_jar

VERSION: Final = "2.6.0"
SHA256: Final = "12e5e88d805cfed07f7d88b4a44a0d8ecb9f9d3cebeb544bb34fbc4ded1049d8"
KEY, SECRET = "local-key", "local-secret"
START_SECONDS: Final = 120.0


@contextmanager
def s3_server(home: Path) -> Iterator[str]:
    """Serves the bucket `bucket`, which is the folder `home/data/bucket`; its address."""
    jar = fetch_jar("org.gaul", "s3proxy", VERSION, "jar-with-dependencies", SHA256)
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
