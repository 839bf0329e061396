"""Builds of images, as a host's agent processes them."""

import secrets
from pathlib import Path
from typing import Any

import msgspec

from deploy.objects import FolderObjects
from schemas.fleet.host_commands import BuildReport
from schemas.fleet.objects import (
    RegistryCredentials,
    artefact_key,
    credentials_key,
    seal_credentials,
    store_credentials,
)
from schemas.fleet.views import Artefact, Build
from schemas.seal import Sealer
from streams.fleet.builds.images import RegistryAccess
from tests.streams.fleet.builds.registry import (
    CREDENTIALS,
    Image,
    Registry,
)
from tests.streams.fleet.builds.test_processor import BUILD, Told, started
from tests.streams.fleet.builds.zips import Unpacked, unpacked

RUN = {"Cmd": ["/bin/run"]}


def build(url: str, **fields: Any) -> Build:
    build = msgspec.structs.replace(BUILD, build_type="docker_image", image_url=url, executable_path=None)
    return msgspec.structs.replace(build, **fields)


async def sealed(objects: FolderObjects, credentials: RegistryCredentials = CREDENTIALS) -> str:
    key = credentials_key("g", "build_1")
    place = {"studio_id": "s", "game_id": "g", "build_id": "build_1"}
    data = seal_credentials(Sealer(b"fleet"), credentials, **place, randomness=secrets.token_bytes)
    await store_credentials(objects, key, data)
    return key


def access(registry: Registry, certificates: Path | None = None) -> RegistryAccess:
    named = frozenset({("localhost", registry.port), ("127.0.0.1", registry.port)})
    return RegistryAccess(named=named, certificates=str(certificates) if certificates else None)


async def process(
    registry: Registry,
    objects: FolderObjects,
    work: Path,
    pushed: Image,
    told: Told | None = None,
    **fields: Any,
) -> BuildReport:
    registry.push("team/game", "v1", pushed)
    url = f"{registry.name}/team/game:v1"
    processor = await started(objects, work, registries=access(registry))
    return await processor.process(
        build(url, credentials_key=await sealed(objects), **fields), told or Told()
    )


async def made(report: BuildReport, objects: FolderObjects) -> tuple[Artefact, Unpacked]:
    assert report.artefact is not None, report.error
    stored = await objects.read(artefact_key("g", report.artefact.sha256))
    assert stored is not None
    return report.artefact, unpacked(stored)
