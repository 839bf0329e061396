"""Redis as a deployment has it: TLS, a user with the product's rights alone, a replica, and a Sentinel.

Certificates are made here, for a day.
"""

from __future__ import annotations

import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from redis import Redis
from redis.exceptions import RedisError

from deploy.redis_access import USER, acl_line, password_hash
from deploy.stack.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OWNER_PASSWORD: Final = "a-password-of-the-owner"  # noqa: S105 - a test's
PASSWORD: Final = "a-password-of-questlog"  # noqa: S105 - likewise
SENTINEL_PASSWORD: Final = "a-password-of-sentinels"  # noqa: S105 - likewise
SERVICE: Final = "games"
WAIT_S: Final = 60
_TLS: Final = """\
port 0
bind 127.0.0.1
tls-port {port}
tls-cert-file {folder}/cert.pem
tls-key-file {folder}/key.pem
tls-ca-cert-file {folder}/cert.pem
tls-auth-clients no
tls-replication yes
dir {own}
"""
_SERVER: Final = """\
save ""
repl-diskless-sync-delay 0
requirepass {owner}
masterauth {owner}
{user}
"""
# A replica that has been without its primary for ten times down-after is not taken in its place.
_SENTINEL: Final = """\
requirepass {password}
sentinel monitor {service} 127.0.0.1 {primary} 1
sentinel auth-pass {service} {owner}
sentinel down-after-milliseconds {service} 3000
sentinel failover-timeout {service} 10000
"""


class Server:
    """A redis-server of its own folder, asked as its owner."""

    def __init__(self, folder: Path, name: str, configuration: str, *options: str, password: str) -> None:
        self.port = free_port()
        self.owner = Redis(
            host="localhost", port=self.port, password=password, ssl=True, ssl_ca_certs=f"{folder}/cert.pem"
        )
        self._own = folder / name
        self._own.mkdir()
        self._file = self._own / "redis.conf"
        tls = _TLS.format(port=self.port, folder=folder, own=self._own)
        self._configuration = tls + configuration
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, more: str = "") -> None:
        """Without data, whatever it has become before. Returns when it answers."""
        self._file.write_text(self._configuration + more)
        self._process = subprocess.Popen(  # noqa: S603 - the test's own server
            ["redis-server", str(self._file), *self._options],  # noqa: S607 - Debian's
            stdout=subprocess.DEVNULL,
        )
        until(lambda: self.owner.ping() is True)

    def kill(self) -> None:
        """SIGKILL."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(10)


class SecuredRedis:
    """A primary with its replica; which of them is which changes with a failover."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        _make_certificate(folder)
        for name, password in (("password", PASSWORD), ("sentinel-password", SENTINEL_PASSWORD)):
            (folder / name).write_text(password)
        words = _SERVER.format(owner=OWNER_PASSWORD, user=acl_line(password_hash(PASSWORD)))
        self.primary = Server(folder, "one", words, password=OWNER_PASSWORD)
        self.replica = Server(folder, "two", words, password=OWNER_PASSWORD)
        watched = _SENTINEL.format(
            password=SENTINEL_PASSWORD, service=SERVICE, primary=self.primary.port, owner=OWNER_PASSWORD
        )
        self.sentinel = Server(folder, "sentinel", watched, "--sentinel", password=SENTINEL_PASSWORD)

    @property
    def settings(self) -> dict[str, Any]:
        """What a process is told of it; the URL's address is nobody's."""
        return {
            "redis_url": "rediss://localhost:1/0",
            "redis_username": USER,
            "redis_password_file": str(self.folder / "password"),
            "redis_ca_file": str(self.folder / "cert.pem"),
            "redis_sentinels": (f"localhost:{self.sentinel.port}",),
            "redis_sentinel_service": SERVICE,
            "redis_sentinel_password_file": str(self.folder / "sentinel-password"),
        }

    def start(self) -> None:
        """All three, once the replica has what the primary has."""
        self.primary.start()
        self.replica.start(f"replicaof localhost {self.primary.port}\n")
        until(lambda: self.replica.owner.info("replication")["master_link_status"] == "up")
        self.sentinel.start()
        until(lambda: self._seen_replicas() == 1)

    def stop(self) -> None:
        """SIGKILL to what runs."""
        for server in (self.sentinel, self.replica, self.primary):
            server.kill()
            server.owner.close()

    def part(self) -> None:
        """The replica loses its primary, and gets nothing of what is written from now on."""
        self.replica.owner.config_set("masterauth", "another")
        self.primary.owner.client_kill_filter(_type="replica")
        until(lambda: self.replica.owner.info("replication")["master_link_status"] == "down")

    def fail_over(self) -> None:
        """The primary is killed; returns when its replica has its place."""
        self.primary.kill()
        until(lambda: self.replica.owner.info("replication")["role"] == "master")
        self.primary, self.replica = self.replica, self.primary

    def _seen_replicas(self) -> int:
        found: Any = self.sentinel.owner.sentinel_master(SERVICE)
        return int(found["num-slaves"])


@contextmanager
def secured_redis(folder: Path) -> Iterator[SecuredRedis]:
    """Started, and killed afterwards."""
    made = SecuredRedis(folder)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def until(holds: Callable[[], bool]) -> None:
    """Return once it holds; what Redis refuses meanwhile does not count."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except RedisError:
            pass
        time.sleep(0.02)
    raise TimeoutError("Redis did not come to that")


def _make_certificate(folder: Path) -> None:
    subprocess.run(  # noqa: S603 - our own words
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=redis"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", "key.pem", "-out", "cert.pem"),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
