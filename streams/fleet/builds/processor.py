"""Processes a build: upload or image → artefact in the object store → report.

An attempt may be repeated, after a crash or on another host: the same upload gives the same artefact, an
image's tag is resolved to a digest once, and an artefact that is stored already is left as it is. What an
attempt that died has left on disk is removed at the next start. Source: contract/fleet.md, "Builds".
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from schemas.fleet.host_commands import BuildReport
from schemas.fleet.limits import BUILD_ERROR_CHARACTERS_MAX
from schemas.fleet.objects import UPLOAD_BYTES_MAX, artefact_key, upload_key
from schemas.fleet.views import Artefact, Build
from schemas.objects import ObjectStore, ObjectStoreError, new_object
from schemas.seal import Sealer
from streams.fleet.builds.image_builds import ImageBuilds
from streams.fleet.builds.images import RegistryAccess
from streams.fleet.builds.limits import PIECE_BYTES
from streams.fleet.builds.messages import Level, Log, Made, Step, bounded
from streams.fleet.builds.refused import BuildRefused
from streams.fleet.builds.sandbox import Sandbox, SandboxFailed
from streams.fleet.builds.work_folder import WorkFolder, new_file

_log: Final = logging.getLogger(__name__)

_PUBLIC: Final = RegistryAccess()

Tell = Callable[[Build, Level, Step, str], None]
"""Takes a line for a build's log, as it is said. Who takes it gives it its time."""


class AttemptFailed(Exception):
    """An attempt ended without a result by no fault of the build: another one may end better."""


class BuildProcessor:
    """Processes builds, one at a time. Nothing is kept of one but its artefact and what it tells.

    `folder` is where it works, `sealer` opens credentials: it has the fleet secret.
    """

    def __init__(
        self,
        objects: ObjectStore,
        folder: Path,
        sealer: Sealer,
        *,
        registries: RegistryAccess = _PUBLIC,
        sandbox: Sandbox | None = None,
    ) -> None:
        self._objects = objects
        self._folder = WorkFolder(folder)
        self._sandbox = sandbox or Sandbox(self._folder.empty)
        self._images = ImageBuilds(objects, self._sandbox, sealer, registries)
        self._lock = asyncio.Lock()

    async def start(self) -> None:
        """Remove what attempts that died have left. To be called once, before the first `process`."""
        if left := await asyncio.to_thread(self._folder.clear):
            _log.warning("removed what %d attempts at builds have left", left)

    async def process(self, build: Build, tell: Tell) -> BuildReport:
        """The report of the build's current attempt: its artefact, which is stored, or why there is none.

        Raises AttemptFailed where another attempt may end better. Called twice: the same report. When it is
        cancelled, all that it has started ends with it.
        """

        def log(level: Level, step: Step, message: str) -> None:
            tell(build, level, step, bounded(message))

        async with self._lock:
            try:
                artefact = await self._artefact(build, log)
            except BuildRefused as refused:
                log("error", "done", f"The build failed: {refused}")
                error = str(refused)[:BUILD_ERROR_CHARACTERS_MAX]
                report = BuildReport(build_id=build.id, attempt=build.attempt, error=error)
            except (SandboxFailed, ObjectStoreError, OSError) as error:
                log("warn", "done", f"attempt {build.attempt} failed: {_said(error)}")
                raise AttemptFailed(f"{build.id}, attempt {build.attempt}: {error}") from error
            else:
                log("info", "done", f"The build is ready: {artefact.sha256}")
                report = BuildReport(build_id=build.id, attempt=build.attempt, artefact=artefact)
        return report

    async def _artefact(self, build: Build, log: Log) -> Artefact:
        name = f"{build.id}-{build.attempt}"
        with self._folder.attempt(name) as work, new_file(work / "artefact") as output:
            if build.build_type == "zip":
                made = await self._from_upload(build, work, output, log)
                digest = image = None
            else:
                made, digest, image = await self._images.make(build, work, output, log)
            await self._store(build, output, made, log)
        return Artefact(
            sha256=made.sha256,
            size_bytes=made.size_bytes,
            unpacked_bytes=made.unpacked_bytes,
            files=made.files,
            executable_path=made.executable_path,
            image=image,
            image_digest=digest,
            generation=build.generation,
        )

    async def _from_upload(self, build: Build, work: Path, output: int, log: Log) -> Made:
        key = upload_key(build.game_id, build.id)
        size = await self._objects.size(key)
        if size is None:
            raise BuildRefused("nothing was uploaded: ask for an upload-url again, and PUT the archive there")
        if size > UPLOAD_BYTES_MAX:
            raise BuildRefused(f"the upload has {size:,} bytes, more than {UPLOAD_BYTES_MAX:,}")
        log("info", "fetch", f"fetching the upload of {size:,} bytes")
        with new_file(work / "upload.zip") as archive:
            async for piece in self._objects.stream(key, 0, size):
                _write(archive, piece)
            return await self._sandbox.archive(archive, build.executable_path or "", output, log)

    async def _store(self, build: Build, artefact: int, made: Made, log: Log) -> None:
        """Store the artefact under its hash, as it is found here and not as it was said."""
        sha256, size = await _hash(artefact)
        if (sha256, size) != (made.sha256, made.size_bytes):
            raise SandboxFailed("the artefact is not what processing said it is")
        key = artefact_key(build.game_id, sha256, build.generation)
        if await self._objects.size(key) == size:
            log("info", "store", f"an equal build is stored already: {sha256}")
            return
        async with new_object(self._objects, key) as writer:
            for offset in range(0, size, PIECE_BYTES):
                await writer.write(os.pread(artefact, PIECE_BYTES, offset))
        log("info", "store", f"stored {size:,} bytes as {sha256}")


def _said(error: Exception) -> str:
    """What a build's owner may know of a failure of the machine."""
    return str(error) if isinstance(error, SandboxFailed) else "the host or its store has a fault"


def _write(file: int, piece: bytes) -> None:
    """In this thread: another would go on when it is cancelled, with a file that is closed, or another's."""
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(file, rest) :]


async def _hash(file: int) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while piece := os.pread(file, PIECE_BYTES, size):
        digest.update(piece)
        size += len(piece)
        await asyncio.sleep(0)
    return digest.hexdigest(), size
