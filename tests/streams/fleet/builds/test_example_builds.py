"""Two real servers go through processing, and run from what comes out."""

import asyncio
import contextlib
import io
import os
import signal
import stat
import tarfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import zstandard

from deploy.lab.example_builds import EXECUTABLE, TEEWORLDS, WESNOTH, Example
from deploy.objects import FolderObjects
from deploy.stack.ports import free_port
from schemas.fleet.objects import artefact_key
from streams.fleet.builds.sandbox import BUILD_USER
from tests.streams.fleet.builds.image_builds import process as process_image
from tests.streams.fleet.builds.registry import docker_registry, image
from tests.streams.fleet.builds.test_processor import BUILD, Told, started, upload


@asynccontextmanager
async def running(
    folder: Path, program: tuple[str, ...], environment: Mapping[str, str], root: Path | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    with (folder.parent / "output").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *program,
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=None if root is None else lambda: enter(root),
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def enter(root: Path) -> None:
    os.chroot(root)
    os.setgroups([])
    os.setresgid(BUILD_USER, BUILD_USER, BUILD_USER)
    os.setresuid(BUILD_USER, BUILD_USER, BUILD_USER)


def is_bound(protocol: str, port: int) -> bool:
    lines = Path(f"/proc/net/{protocol}").read_text() + Path(f"/proc/net/{protocol}6").read_text()
    return f":{port:04X} " in lines


async def listens(process: asyncio.subprocess.Process, folder: Path, protocol: str, port: int) -> None:
    async with asyncio.timeout(60):
        while not is_bound(protocol, port):
            assert process.returncode is None, (folder.parent / "output").read_bytes()
            await asyncio.sleep(0.02)


async def unpacked_to(objects: FolderObjects, sha256: str, folder: Path) -> None:
    stored = await objects.read(artefact_key("g", sha256))
    assert stored is not None
    plain = zstandard.ZstdDecompressor().decompressobj().decompress(stored)
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        tar.extraction_filter = lambda member, _: member  # it is what processing made
        tar.extractall(folder)  # noqa: S202 - see above


@pytest.mark.parametrize("example", [TEEWORLDS, WESNOTH], ids=lambda example: example.package)
async def test_a_server_runs_from_its_processed_archive(tmp_path: Path, example: Example) -> None:
    objects = FolderObjects(tmp_path / "objects", base_url="", secret=b"s")
    example.write_zip(tmp_path / "build.zip")
    await upload(objects, (tmp_path / "build.zip").read_bytes())
    build = msgspec.structs.replace(BUILD, executable_path=EXECUTABLE)
    report = await (await started(objects, tmp_path / "work")).process(build, Told())
    assert report.artefact is not None, report.error
    folder = tmp_path / "game"
    await unpacked_to(objects, report.artefact.sha256, folder)
    port = free_port()
    environment = {"QUESTLOG_PORT_GAME": str(port), "HOME": str(tmp_path)}
    async with running(folder, (f"./{report.artefact.executable_path}",), environment) as process:
        await listens(process, folder, example.protocol, port)
        if example.protocol == "tcp":
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(bytes(4))
            assert len(await reader.readexactly(4)) == 4
            writer.close()
            await writer.wait_closed()


async def test_a_server_runs_from_its_processed_image_as_another_user(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path / "objects", base_url="", secret=b"s")
    root = tmp_path / "root"
    TEEWORLDS.write_root(root)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as tar:
        tar.add(root, ".")
    pushed = image(packed.getvalue(), config={"Entrypoint": ["/game/server"], "WorkingDir": "/game"})
    with docker_registry(tmp_path / "registry") as registry:
        report = await process_image(registry, objects, tmp_path / "work", pushed)
    artefact = report.artefact
    assert artefact is not None, report.error
    assert artefact.image is not None
    folder = tmp_path / "unpacked"
    await unpacked_to(objects, artefact.sha256, folder)
    port = free_port()
    words = (*artefact.image.entrypoint, f"sv_port {port}", "sv_register 0")
    if os.geteuid() != 0:
        assert (folder / "game/server").stat().st_mode & 0o111
        return
    os.mknod(folder / "dev/urandom", stat.S_IFCHR | 0o666, os.makedev(1, 9))
    (folder / "dev/urandom").chmod(0o666)
    inside = folder / artefact.image.workdir.lstrip("/")
    async with running(inside, words, {}, root=folder) as process:
        await listens(process, inside, "udp", port)
