"""Names of images in registries: `[host[:port]/]repository[:tag][@sha256:…]`, as Docker reads them. Pure.

Without a host it is Docker Hub's, without tag and digest `latest`.
Source: github.com/distribution/reference, its grammar.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from schemas.fleet.limits import IMAGE_URL_CHARACTERS_MAX

DOCKER_HUB: Final = "docker.io"
_HTTPS_PORT: Final = 443
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"(?P<name>{_LABEL}(?:\.{_LABEL})*)(?::(?P<port>[1-9][0-9]{{0,4}}))?\Z")
_PART: Final = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REST: Final = re.compile(
    rf"(?P<repository>{_PART}(?:/{_PART})*)(?::(?P<tag>\w[\w.-]{{0,127}}))?(?:@(?P<digest>sha256:[0-9a-f]{{64}}))?\Z",
    re.ASCII,
)


class ImageRefused(ValueError):
    """It is no image's name; the message says why, for who gave it."""


class Image(msgspec.Struct, frozen=True):
    """An image in a registry."""

    host: str
    """In lower case."""
    port: int | None
    repository: str
    tag: str | None
    digest: str | None

    @property
    def registry(self) -> str:
        """Host and port as they were given."""
        return self.host if self.port is None else f"{self.host}:{self.port}"

    @property
    def endpoint(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port or _HTTPS_PORT

    @property
    def text(self) -> str:
        """The whole name; a digest stands for the tag."""
        end = f"@{self.digest}" if self.digest else f":{self.tag}"
        return f"{self.registry}/{self.repository}{end}"

    def at(self, digest: str) -> Image:
        """The same image's manifest of this digest."""
        return Image(self.host, self.port, self.repository, None, digest)


def image(url: str) -> Image:
    """The image that a client names; `docker://` before it is left out. Raises ImageRefused."""
    if len(url) > IMAGE_URL_CHARACTERS_MAX:
        raise ImageRefused(f"an image's name has at most {IMAGE_URL_CHARACTERS_MAX} characters")
    if url.startswith(("http://", "https://")):
        raise ImageRefused("name the image without http:// or https://, as for docker pull")
    name = url.removeprefix("docker://")
    first, slash, rest = name.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        first, rest = DOCKER_HUB, name if slash else f"library/{name}"
    host = _HOST.match(first)
    found = _REST.match(rest)
    if host is None or found is None:
        raise ImageRefused("no image's name: write host/repository:tag, such as ghcr.io/me/server:1.0")
    port = host["port"]
    if port is not None and int(port) > 0xFFFF:
        raise ImageRefused(f"{port} is no port")
    digest = found["digest"]
    return Image(
        host=host["name"].lower(),
        port=None if port is None else int(port),
        repository=found["repository"],
        tag=None if digest else found["tag"] or "latest",
        digest=digest,
    )
