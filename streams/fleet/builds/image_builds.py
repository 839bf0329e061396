"""A build of an image: resolved once, pulled, unpacked, and written as an artefact."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from schemas.fleet.images import Image, ImageRefused, image
from schemas.fleet.objects import RegistryCredentials, open_credentials, resolved_key
from schemas.fleet.views import Build, ImageConfig
from schemas.objects import ObjectStore, new_object
from schemas.seal import SealBroken, Sealer
from streams.fleet.builds.images import LAYOUT, ROOT, ImagePuller, RegistryAccess
from streams.fleet.builds.messages import Log, Made
from streams.fleet.builds.programs import Programs
from streams.fleet.builds.refused import BuildRefused
from streams.fleet.builds.sandbox import Sandbox, SandboxFailed

_FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class ImageBuilds:
    """Makes artefacts of images. `sealer` opens their credentials."""

    def __init__(
        self, objects: ObjectStore, sandbox: Sandbox, sealer: Sealer, registries: RegistryAccess
    ) -> None:
        self._objects = objects
        self._sandbox = sandbox
        self._sealer = sealer
        self._registries = registries

    async def make(self, build: Build, work: Path, output: int, log: Log) -> tuple[Made, str, ImageConfig]:
        """Write a build's artefact into an open file: what was made, the image's digest, how it is to be run.

        Raises BuildRefused, SandboxFailed and ObjectStoreError. `work` is an empty folder.
        """
        named = _named(build)
        programs = Programs(self._sandbox, work)
        programs.prepare()
        puller = ImagePuller(programs, named, self._registries, await self._credentials(build), log)
        digest = await self._resolved(build, puller)
        await puller.pull(digest)
        with _folder(programs.work, LAYOUT) as layout:
            configured = await self._sandbox.image(layout, log)
        wanted = build.executable_path or ""
        if not (wanted or configured.entrypoint or configured.cmd):
            raise BuildRefused(
                "the image has neither entrypoint nor cmd: give executable_path, the file that is to be run"
            )
        log("info", "unpack", "unpacking the image")
        await puller.unpack()
        with _folder(programs.work, ROOT) as root:
            made = await self._sandbox.tree(root, wanted, output, log)
        config = ImageConfig(
            entrypoint=configured.entrypoint,
            cmd=configured.cmd,
            env=configured.env,
            workdir=configured.workdir,
        )
        return made, digest, config

    async def _resolved(self, build: Build, puller: ImagePuller) -> str:
        """The digest that the first attempt has kept, else what the name stands for now."""
        key = resolved_key(build.game_id, build.id)
        kept = await self._objects.read(key)
        if kept is not None:
            return kept.decode()
        digest = await puller.resolve()
        async with new_object(self._objects, key) as writer:
            await writer.write(digest.encode())
        return digest

    async def _credentials(self, build: Build) -> RegistryCredentials | None:
        if build.credentials_key is None:
            return None
        sealed = await self._objects.read(build.credentials_key)
        if sealed is None:
            raise BuildRefused(
                "the registry's credentials are gone, as processing had ended: create the build anew"
            )
        try:
            return open_credentials(
                self._sealer, sealed, studio_id=build.studio_id, game_id=build.game_id, build_id=build.id
            )
        except SealBroken as error:
            raise SandboxFailed(f"the registry's credentials can't be opened here: {error}") from None


def _named(build: Build) -> Image:
    try:
        return image(build.image_url or "")
    except ImageRefused as error:
        raise BuildRefused(f"image_url: {error}") from None


@contextmanager
def _folder(above: Path, name: str) -> Iterator[int]:
    """Open a folder below one that another user wrote, following none of its links. Raises SandboxFailed."""
    with ExitStack() as opened:
        try:
            folder = os.open(above, _FOLDER_FLAGS)
            opened.callback(os.close, folder)
            folder = os.open(name, _FOLDER_FLAGS, dir_fd=folder)
            opened.callback(os.close, folder)
        except OSError as error:
            raise SandboxFailed(f"what was pulled is not there: {error.strerror}") from None
        yield folder
