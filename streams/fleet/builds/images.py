"""Pulls an image without an engine and unpacks it: skopeo, then umoci, both confined.

The tag is resolved to the digest of one manifest for linux/amd64; from there on everything is known by
digest, and skopeo checks it. Credentials are in a file of the private work folder while skopeo runs, in no
argument and no environment. Source: contract/fleet.md, "Builds".
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from schemas.fleet.images import Image
from schemas.fleet.objects import RegistryCredentials
from streams.fleet.builds.limits import IMAGE_BYTES_MAX, IMAGE_JSON_BYTES_MAX, IMAGE_LAYERS_MAX
from streams.fleet.builds.messages import Log
from streams.fleet.builds.programs import ProgramFailed, Programs
from streams.fleet.builds.refused import BuildRefused, shown
from streams.fleet.builds.registry_gate import LOOPBACK, Endpoint, RegistryGate

SKOPEO: Final = "/usr/bin/skopeo"
UMOCI: Final = "/usr/bin/umoci"
LAYOUT: Final = "image"
ROOT: Final = "root"
_TAG: Final = "build"
_AUTHFILE: Final = "auth.json"
_SLACK_BYTES: Final = 64 * 2**20
"""Of manifests, tokens and TLS, beside layers."""
_CERTIFICATES: Final = "etc/registry.pem"
_LAYERS: Final = frozenset(
    {
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    }
)
_DENIED: Final = re.compile(
    r"unauthorized|authentication required|access .*denied|invalid username|forbidden"
)
_UNKNOWN: Final = re.compile(r"manifest unknown|name unknown|not found|unsupported manifest")
_INSECURE: Final = re.compile(r"x509|tls:|server gave http response to https client")

Digest = Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}$")]


class RegistryAccess(msgspec.Struct, frozen=True):
    """What a deployment says of registries: which may be at private addresses, and who certifies them."""

    named: frozenset[Endpoint] = frozenset()
    """Host and port. One on the loopback may be without TLS."""
    certificates: str | None = None
    """A file of certificates in PEM to trust instead of the system's."""


class _Platform(msgspec.Struct):
    architecture: str = ""
    os: str = ""


class _Part(msgspec.Struct):
    digest: Digest
    size: Annotated[int, Meta(ge=0)] = 0
    media_type: str = msgspec.field(name="mediaType", default="")
    platform: _Platform | None = None


class _Manifest(msgspec.Struct):
    """A manifest, or a list of them."""

    schema_version: int = msgspec.field(name="schemaVersion", default=0)
    manifests: list[_Part] | None = None
    config: _Part | None = None
    layers: list[_Part] | None = None


class ImagePuller:
    """Pulls one image into the work folder of `programs`."""

    def __init__(
        self,
        programs: Programs,
        image: Image,
        access: RegistryAccess,
        credentials: RegistryCredentials | None,
        log: Log,
    ) -> None:
        self._programs = programs
        self._image = image
        self._access = access
        self._credentials = credentials
        self._log = log
        on_loopback = image.host in LOOPBACK
        if on_loopback and image.endpoint not in access.named:
            raise BuildRefused(f"{image.registry} is on this host: registries are at public addresses")
        self._direct_port = image.endpoint[1] if on_loopback else None
        self._insecure = on_loopback and access.certificates is None

    async def resolve(self) -> str:
        """The digest of the image's manifest for linux/amd64. Raises BuildRefused and SandboxFailed."""
        digest, manifest = await self._manifest(self._image)
        if manifest.manifests is not None:
            fitting = [part.digest for part in manifest.manifests if _fits(part)]
            if not fitting:
                raise BuildRefused(f"{self._image.text} has no image for linux/amd64: build it for that")
            digest = fitting[0]
        self._log("info", "resolve", f"{self._image.text} is {digest}")
        return digest

    async def pull(self, digest: str) -> None:
        """Pull the manifest of this digest with its layers into `LAYOUT`. Raises as `resolve`."""
        image = self._image.at(digest)
        found, manifest = await self._manifest(image)
        if found != digest or manifest.layers is None or manifest.config is None:
            raise BuildRefused(f"{image.text} is no image: push one in OCI's or Docker's present format")
        size = sum(layer.size for layer in manifest.layers) + manifest.config.size
        if size > IMAGE_BYTES_MAX:
            raise BuildRefused(
                f"the image has {size:,} bytes, more than {IMAGE_BYTES_MAX:,}: leave files out"
            )
        if len(manifest.layers) > IMAGE_LAYERS_MAX:
            raise BuildRefused(f"the image has {len(manifest.layers):,} layers, more than {IMAGE_LAYERS_MAX}")
        for layer in manifest.layers:
            if layer.media_type not in _LAYERS:
                raise BuildRefused(
                    f"layer {layer.digest} is a {shown(layer.media_type)}: push the image with gzip layers"
                )
        self._log("info", "pull", f"pulling {len(manifest.layers)} layers, {size:,} bytes")
        words = ["copy", "--quiet", f"--src-tls-verify={_flag(not self._insecure)}"]
        target = f"oci:{{work}}/{LAYOUT}:{_TAG}"
        await self._skopeo([*words, *self._auth("--src-authfile"), f"docker://{image.text}", target], 0)

    async def unpack(self) -> None:
        """Unpack `LAYOUT` into `ROOT`. Raises SandboxFailed and BuildRefused."""
        words = ["raw", "unpack", "--rootless", "--image", f"{{work}}/{LAYOUT}:{_TAG}", f"{{work}}/{ROOT}"]
        try:
            await self._programs.run(
                [UMOCI, *words], environment=_environment(), files=_FILES, output_bytes_max=_SLACK_BYTES
            )
        except ProgramFailed as error:
            raise BuildRefused(f"the image can't be unpacked ({error}): push it anew") from None

    async def _manifest(self, image: Image) -> tuple[str, _Manifest]:
        words = ["inspect", "--raw", f"--tls-verify={_flag(not self._insecure)}", *self._auth("--authfile")]
        raw = await self._skopeo([*words, f"docker://{image.text}"], IMAGE_JSON_BYTES_MAX)
        try:
            manifest = msgspec.json.decode(raw, type=_Manifest)
        except msgspec.DecodeError as error:
            raise BuildRefused(
                f"the manifest of {image.text} can't be read ({error}): push it anew"
            ) from None
        return f"sha256:{hashlib.sha256(raw).hexdigest()}", manifest

    async def _skopeo(self, words: list[str], output_bytes_max: int) -> bytes:
        gate = RegistryGate(
            self._image.endpoint, self._access.named, bytes_max=IMAGE_BYTES_MAX + _SLACK_BYTES
        )
        files, environment = dict(_FILES), _environment()
        if self._access.certificates is not None:
            files[_CERTIFICATES] = self._access.certificates
            environment["SSL_CERT_FILE"] = f"/{_CERTIFICATES}"
        with self._authfile():
            try:
                return await self._programs.run(
                    [SKOPEO, "--insecure-policy", "--override-os=linux", "--override-arch=amd64", *words],
                    environment=environment,
                    files=files,
                    gate=gate,
                    direct_port=self._direct_port,
                    output_bytes_max=output_bytes_max,
                )
            except ProgramFailed as error:
                if gate.spent:
                    raise BuildRefused(f"the image has more than {IMAGE_BYTES_MAX:,} bytes") from None
                if gate.refused is not None:
                    raise BuildRefused(f"{self._image.text} can't be pulled: {gate.refused}") from None
                self._explain(self._without_secrets(str(error)))
                raise ProgramFailed(f"{self._image.registry}: {self._without_secrets(str(error))}") from None

    def _explain(self, reason: str) -> None:
        """Raises BuildRefused where skopeo's words tell that another attempt would end alike."""
        lower = reason.lower()
        if _DENIED.search(lower):
            given = "those given" if self._credentials is not None else "none were given"
            raise BuildRefused(
                f"{self._image.registry} asks for other credentials to pull {self._image.text} ({given}): "
                "create the build with registry_credentials that may pull it"
            )
        if _UNKNOWN.search(lower):
            raise BuildRefused(f"{self._image.text} is not there ({reason}): push it, or correct image_url")
        if _INSECURE.search(lower):
            raise BuildRefused(
                f"{self._image.registry} has no valid certificate ({reason}): use HTTPS with one"
            )

    def _without_secrets(self, reason: str) -> str:
        """A registry may answer with what it was sent, and skopeo repeat it."""
        if self._credentials is None:
            return reason
        for secret in (_basic(self._credentials), self._credentials.password):
            reason = reason.replace(secret, "…")
        return reason

    def _auth(self, option: str) -> list[str]:
        return [] if self._credentials is None else [option, f"{{work}}/{_AUTHFILE}"]

    @contextmanager
    def _authfile(self) -> Iterator[None]:
        if self._credentials is None:
            yield
            return
        path = self._programs.work / _AUTHFILE
        data = msgspec.json.encode({"auths": {self._image.registry: {"auth": _basic(self._credentials)}}})
        try:
            self._write_private(path, data)
            yield
        finally:
            path.unlink(missing_ok=True)

    def _write_private(self, path: Path, data: bytes) -> None:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            os.write(file, data)
            about = self._programs.work.stat()
            os.fchown(file, about.st_uid, about.st_gid)
        finally:
            os.close(file)


_FILES: Final = {
    "etc/ssl": "/etc/ssl",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/passwd": "build:x:61150:61150::/work:/bin/false\n",
    "etc/containers/registries.conf": "",
}


def _environment() -> dict[str, str]:
    return {"HOME": "{work}", "TMPDIR": "{work}", "XDG_RUNTIME_DIR": "{work}", "PATH": "/usr/bin:/bin"}


def _basic(credentials: RegistryCredentials) -> str:
    return base64.b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()


def _fits(part: _Part) -> bool:
    return part.platform is not None and (part.platform.os, part.platform.architecture) == ("linux", "amd64")


def _flag(value: bool) -> str:  # noqa: FBT001 - of a command line
    return "true" if value else "false"
