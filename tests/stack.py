"""Real Kafka, Redis and ClickHouse for tests: started once a session, each only when a test asks for it."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def infra(home: Path, name: str) -> Iterator[str]:
    """One store on a free port; yields its URL (for kafka: host:port), ends it afterwards."""
    command = [sys.executable, "-m", "deploy.stack.infra", "--home", str(home), "--only", name]
    with subprocess.Popen(  # noqa: S603 - our own module
        command, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{name} did not start; its log is in {home}/logs")
        try:
            (url,) = json.loads(line).values()
            yield str(url)
        finally:
            process.terminate()
            process.wait(60)
