"""Reads an image's layout on disk (OCI) before it is unpacked: what it holds, and how it is to be run.

It runs in the sandboxed child. Layers are decompressed once to count what they would write.
Source: OCI's image-spec, image-layout.md, config.md and layer.md.
"""

from __future__ import annotations

import gzip
import os
import tarfile
import zlib
from collections.abc import Iterator
from io import BufferedReader
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from streams.fleet.builds.limits import (
    IMAGE_CONFIG_BYTES_MAX,
    IMAGE_ENTRIES_MAX,
    IMAGE_JSON_BYTES_MAX,
    IMAGE_LAYERS_MAX,
    UNPACKED_BYTES_MAX,
)
from streams.fleet.builds.messages import Configured, Log
from streams.fleet.builds.refused import BuildRefused

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_Digest = Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}$")]


class _Blob(msgspec.Struct):
    digest: _Digest


class _Index(msgspec.Struct):
    manifests: list[_Blob]


class _Manifest(msgspec.Struct):
    config: _Blob
    layers: list[_Blob]


class _Run(msgspec.Struct):
    entrypoint: list[str] | None = msgspec.field(name="Entrypoint", default=None)
    cmd: list[str] | None = msgspec.field(name="Cmd", default=None)
    env: list[str] | None = msgspec.field(name="Env", default=None)
    workdir: str | None = msgspec.field(name="WorkingDir", default=None)


class _Configuration(msgspec.Struct):
    architecture: str
    os: str
    config: _Run | None = None


def read_image(folder: int, log: Log) -> Configured:
    """How the one image of an open layout is to be run, once its layers are counted. Raises BuildRefused."""
    try:
        index = msgspec.json.decode(_read(folder, "index.json"), type=_Index)
        manifest = msgspec.json.decode(_read(folder, _place(index.manifests[0])), type=_Manifest)
        found = msgspec.json.decode(_read(folder, _place(manifest.config)), type=_Configuration)
    except (msgspec.DecodeError, IndexError, OSError) as error:
        raise BuildRefused(
            f"the image's manifest or configuration can't be read ({error}): push it anew"
        ) from None
    if (found.os, found.architecture) != ("linux", "amd64"):
        raise BuildRefused(
            f"the image is for {ascii(found.os)[:40]} on {ascii(found.architecture)[:40]}: build it for "
            "linux/amd64"
        )
    run = found.config or _Run()
    configured = Configured(run.entrypoint or [], run.cmd or [], run.env or [], run.workdir or "")
    if len(msgspec.json.encode(configured)) > IMAGE_CONFIG_BYTES_MAX:
        raise BuildRefused(
            f"the image's configuration has more than {IMAGE_CONFIG_BYTES_MAX:,} bytes: shorten it"
        )
    _count(folder, manifest.layers, log)
    return configured


def _count(folder: int, layers: list[_Blob], log: Log) -> None:
    if len(layers) > IMAGE_LAYERS_MAX:
        raise BuildRefused(f"the image has {len(layers):,} layers, more than {IMAGE_LAYERS_MAX}: join some")
    entries = size = 0
    for layer in layers:
        with open(_open(folder, _place(layer)), "rb") as file:
            try:
                for member in _members(file):
                    entries += 1
                    size += member.size
                    if entries > IMAGE_ENTRIES_MAX:
                        raise BuildRefused(
                            f"the image has more than {IMAGE_ENTRIES_MAX:,} files: leave some out"
                        )
                    if size > UNPACKED_BYTES_MAX:
                        raise BuildRefused(
                            f"the image unpacks to more than {UNPACKED_BYTES_MAX:,} bytes: leave files out"
                        )
            except (tarfile.TarError, zlib.error, OSError, EOFError, ValueError, MemoryError) as error:
                raise BuildRefused(
                    f"layer {layer.digest} can't be read ({error}): push the image anew"
                ) from None
    log("info", "validate", f"{entries:,} entries in {len(layers)} layers, {size:,} bytes")


def _members(file: BufferedReader) -> Iterator[tarfile.TarInfo]:
    """A layer's entries, one at a time. Raises what tarfile and gzip raise, and BuildRefused."""
    head = file.peek(len(_ZSTD))[: len(_ZSTD)]
    if head == _ZSTD:
        raise BuildRefused("the image has layers compressed by zstd: push it with gzip")
    stream = gzip.GzipFile(fileobj=file) if head.startswith(_GZIP) else file
    with tarfile.open(fileobj=stream, mode="r|", errorlevel=2) as tar:
        while (member := tar.next()) is not None:
            tar.members = []  # type: ignore[attr-defined]  # it would keep all of them
            yield member


def _place(blob: _Blob) -> str:
    return f"blobs/sha256/{blob.digest.removeprefix('sha256:')}"


def _open(folder: int, path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)


def _read(folder: int, path: str) -> bytes:
    with open(_open(folder, path), "rb") as file:
        data = file.read(IMAGE_JSON_BYTES_MAX + 1)
    if len(data) > IMAGE_JSON_BYTES_MAX:
        raise BuildRefused(
            f"the image's manifest or configuration has more than {IMAGE_JSON_BYTES_MAX:,} bytes"
        )
    return data
