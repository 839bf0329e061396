"""Debian's docker-registry with a password, and images made by hand."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import io
import json
import os
import signal
import ssl
import subprocess
import tarfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.stack.ports import free_port
from schemas.fleet.objects import RegistryCredentials

CREDENTIALS = RegistryCredentials(username="me", password='pass" word$1')  # noqa: S106 - a registry of the test's own
GZIP_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True)
class Registry:
    port: int
    log: Path
    context: ssl.SSLContext | None = None

    @property
    def name(self) -> str:
        return f"localhost:{self.port}"

    def push(self, repository: str, tag: str, image: Image) -> str:
        """Push by the registry's own API, as it is: the manifest's digest."""
        for blob in image.blobs:
            place = f"{repository}/blobs/uploads/"
            location = self.request("POST", place).headers["Location"]
            join = "&" if "?" in location else "?"
            self.request("PUT", f"{location}{join}digest={digest(blob)}", blob)
        for kind, manifest in image.manifests:
            self.request("PUT", f"{repository}/manifests/{digest(manifest)}", manifest, kind)
        kind, last = image.manifests[-1]
        self.request("PUT", f"{repository}/manifests/{tag}", last, kind)
        return digest(image.manifests[0][1])

    def request(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> Any:
        scheme = "https" if self.context else "http"
        url = path if "://" in path else f"{scheme}://{self.name}/v2/{path}"
        given = base64.b64encode(f"{CREDENTIALS.username}:{CREDENTIALS.password}".encode()).decode()
        headers = {"Authorization": f"Basic {given}", "Content-Type": kind or "application/octet-stream"}
        request = urllib.request.Request(url, data=body, method=method, headers=headers)  # noqa: S310 - http of our own
        return urllib.request.urlopen(request, context=self.context, timeout=30)  # noqa: S310 - likewise


@dataclass(frozen=True)
class Image:
    """Blobs to push, then manifests: the one for linux/amd64 first, what the tag names last."""

    blobs: list[bytes]
    manifests: list[tuple[str, bytes]]


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def image(
    *layers: bytes,
    config: dict[str, Any] | None = None,
    architecture: str = "amd64",
    layer_type: str = GZIP_LAYER,
    sizes: dict[int, int] | None = None,
) -> Image:
    about = {
        "architecture": architecture,
        "os": "linux",
        "config": config or {},
        "rootfs": {"type": "layers", "diff_ids": [digest(_plain(layer)) for layer in layers]},
        "history": [{"created_by": "a test"} for _ in layers],
    }
    configuration = json.dumps(about).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest(configuration),
            "size": len(configuration),
        },
        "layers": [
            {"mediaType": layer_type, "digest": digest(layer), "size": (sizes or {}).get(place, len(layer))}
            for place, layer in enumerate(layers)
        ],
    }
    return Image([configuration, *layers], [(MANIFEST, json.dumps(manifest).encode())])


def of_several(*images: tuple[str, Image]) -> Image:
    """An index of images by architecture; the first is amd64's."""
    entries = [
        {
            "mediaType": MANIFEST,
            "digest": digest(one.manifests[0][1]),
            "size": len(one.manifests[0][1]),
            "platform": {"os": "linux", "architecture": architecture},
        }
        for architecture, one in images
    ]
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries[::-1]}).encode()
    manifests = [manifest for _, one in images for manifest in one.manifests]
    return Image([blob for _, one in images for blob in one.blobs], [*manifests, (INDEX, index)])


def layer(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(written.getvalue(), 1, mtime=0)


def file(path: str, content: bytes = b"", mode: int = 0o644, **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(path)
    info.size, info.mode, info.mtime = len(content), mode, 1_700_000_000
    for name, value in fields.items():
        setattr(info, name, value)
    return info, content


def folder(path: str, mode: int = 0o755) -> tuple[tarfile.TarInfo, bytes]:
    return file(path, mode=mode, type=tarfile.DIRTYPE)


def symlink(path: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return file(path, mode=0o777, type=tarfile.SYMTYPE, linkname=target)


def _plain(data: bytes) -> bytes:
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


@contextmanager
def docker_registry(home: Path, certificate: tuple[Path, Path] | None = None) -> Iterator[Registry]:
    """A registry on a free port of the loopback; with a certificate and its key it speaks TLS."""
    home.mkdir()
    port = free_port()
    (home / "passwords").write_text(f"{CREDENTIALS.username}:{_hashed(CREDENTIALS.password)}\n")
    tls = {"tls": {"certificate": str(certificate[0]), "key": str(certificate[1])}} if certificate else {}
    configuration = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(home / "store")}},
        "http": {"addr": f"127.0.0.1:{port}", **tls},
        "auth": {"htpasswd": {"realm": "tests", "path": str(home / "passwords")}},
    }
    (home / "config.yml").write_text(json.dumps(configuration))
    context = ssl.create_default_context(cafile=str(certificate[0])) if certificate else None
    log = home / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - as above
            ["/usr/bin/docker-registry", "serve", str(home / "config.yml")],
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    registry = Registry(port, log, context)
    try:
        _wait(registry, process)
        yield registry
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(registry: Registry, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, registry.log.read_text()
        try:
            registry.request("GET", "").close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(registry.log.read_text())


def _hashed(password: str) -> str:
    """As htpasswd does with bcrypt: in a process of its own, as Python's module warns of its end."""
    program = (
        "import crypt, sys\n"
        "print(crypt.crypt(sys.stdin.read(), crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))"
    )
    done = subprocess.run(  # noqa: S603 - as above
        ["/usr/bin/env", "python3", "-W", "ignore", "-c", program],
        input=password,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
