import asyncio
import base64
import logging
import secrets
import tarfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from deploy.objects import FolderObjects
from schemas.fleet.objects import (
    RegistryCredentials,
    credentials_key,
    resolved_key,
)
from schemas.fleet.views import Build
from streams.fleet.builds import images
from streams.fleet.builds.processor import AttemptFailed
from streams.fleet.builds.registry_gate import RegistryGate, Streams
from tests.streams.fleet.builds.image_builds import RUN, access, build, made, process, sealed
from tests.streams.fleet.builds.processes import descendants, files
from tests.streams.fleet.builds.registry import (
    CREDENTIALS,
    Image,
    Registry,
    digest,
    docker_registry,
    file,
    folder,
    image,
    layer,
    of_several,
    symlink,
)
from tests.streams.fleet.builds.test_processor import Told, started
from tests.streams.fleet.builds.zips import SCRIPT, elf


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with docker_registry(tmp_path_factory.mktemp("registry") / "home") as running:
        yield running


async def test_an_image_becomes_the_same_kind_of_artefact(
    registry: Registry, objects: FolderObjects, work: Path
) -> None:
    first = layer(
        folder("bin"),
        file("bin/run", SCRIPT, 0o4755, uid=1000),
        file("gone", b"1"),
        file("etc/shadow", b"secret", 0o000),
        folder("closed", 0o000),
        file("closed/inside", b"2"),
        file("etc/unit\\x2d.slice", b"3"),
    )
    second = layer(
        file(".wh.gone"),
        symlink("sbin", "bin"),
        symlink("etc/localtime", "/usr/share/zoneinfo/UTC"),
        file("hard", type=tarfile.LNKTYPE, linkname="etc/shadow"),
        file("dev/null", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
        file("dev/pipe", type=tarfile.FIFOTYPE),
    )
    config = {"Entrypoint": ["/bin/run"], "Cmd": ["-v"], "Env": ["A=b c"], "WorkingDir": "/srv", "User": "0"}
    pushed = of_several(
        ("amd64", image(first, second, config=config)), ("arm64", image(layer(), architecture="arm64"))
    )
    told = Told()
    artefact, found = await made(await process(registry, objects, work, pushed, told), objects)
    device = found.pop("dev/null", None)
    assert device is None or device[0] == tarfile.REGTYPE
    assert found == {
        "bin": (tarfile.DIRTYPE, 0o755, ""),
        "bin/run": (tarfile.REGTYPE, 0o755, SCRIPT),
        "closed": (tarfile.DIRTYPE, 0o755, ""),
        "closed/inside": (tarfile.REGTYPE, 0o644, b"2"),
        "dev": (tarfile.DIRTYPE, 0o755, ""),
        "etc": (tarfile.DIRTYPE, 0o755, ""),
        "etc/localtime": (tarfile.SYMTYPE, 0o777, "/usr/share/zoneinfo/UTC"),
        "etc/shadow": (tarfile.REGTYPE, 0o644, b"secret"),
        "etc/unit\\x2d.slice": (tarfile.REGTYPE, 0o644, b"3"),
        "hard": (tarfile.REGTYPE, 0o644, b"secret"),
        "sbin": (tarfile.SYMTYPE, 0o777, "bin"),
    }
    assert artefact.image is not None
    assert msgspec.structs.asdict(artefact.image) == {
        "entrypoint": ["/bin/run"],
        "cmd": ["-v"],
        "env": ["A=b c"],
        "workdir": "/srv",
    }
    assert artefact.image_digest == digest(pushed.manifests[0][1])
    assert artefact.executable_path == ""
    assert told.steps() == ["resolve", "pull", "validate", "unpack", "archive", "archive", "store", "done"]


async def test_a_tag_is_resolved_once_for_all_attempts(
    registry: Registry, objects: FolderObjects, work: Path
) -> None:
    one = await process(registry, objects, work, image(layer(file("bin/run", SCRIPT, 0o755)), config=RUN))
    moved = image(layer(file("bin/run", SCRIPT + b"# moved\n", 0o755)), config=RUN)
    again = await process(registry, objects, work, moved, attempt=2)
    assert one.artefact == again.artefact
    await objects.delete(resolved_key("g", "build_1"))
    other = await process(registry, objects, work, moved, attempt=3)
    assert other.artefact is not None
    assert one.artefact is not None
    assert other.artefact.image_digest != one.artefact.image_digest


async def test_credentials_are_in_no_argument_environment_log_or_file_that_is_left(
    registry: Registry,
    objects: FolderObjects,
    work: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    seen = bytearray()
    programs: set[bytes] = set()

    def look() -> None:
        for child in descendants():
            for name in ("cmdline", "environ"):
                data = told_of(child, name)
                seen.extend(data)
                if name == "cmdline":
                    programs.add(data.split(b"\0")[0])

    async def watch() -> None:
        while True:
            look()
            await asyncio.sleep(0.002)

    joined = RegistryGate._joined

    async def looked_at(gate: RegistryGate, client: Streams, server: Streams | None) -> None:
        look()  # skopeo waits for what it asked through the gate: it is there
        await joined(gate, client, server)

    monkeypatch.setattr(RegistryGate, "_joined", looked_at)
    watching = asyncio.create_task(watch())
    told = Told()
    report = await process(
        registry, objects, work, image(layer(file("bin/run", SCRIPT, 0o755)), config=RUN), told
    )
    watching.cancel()
    assert report.artefact is not None
    assert b"/usr/bin/skopeo" in programs
    basic = base64.b64encode(f"{CREDENTIALS.username}:{CREDENTIALS.password}".encode())
    left = b"".join(
        (work.parent / name).read_bytes() for name in files(work.parent) if is_file(work.parent / name)
    )
    for secret in (CREDENTIALS.password.encode(), basic):
        for place in (
            bytes(seen),
            left,
            repr(told.lines).encode(),
            caplog.text.encode(),
            repr(report).encode(),
        ):
            assert secret not in place


def told_of(process: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{process}/{name}").read_bytes()
    except OSError:
        return b""


def is_file(path: Path) -> bool:
    return path.is_file()


@pytest.mark.parametrize("credentials", [None, RegistryCredentials("me", "another")])
async def test_a_registry_that_asks_for_other_credentials(
    registry: Registry, objects: FolderObjects, work: Path, credentials: RegistryCredentials | None
) -> None:
    registry.push("team/game", "v1", image(layer(file("bin/run", SCRIPT, 0o755)), config=RUN))
    key = await sealed(objects, credentials) if credentials else None
    processor = await started(objects, work, registries=access(registry))
    report = await processor.process(build(f"{registry.name}/team/game:v1", credentials_key=key), Told())
    assert "asks for other credentials" in (report.error or "")
    assert "another" not in (report.error or "")


async def test_credentials_that_are_gone_or_of_another_build(
    registry: Registry, objects: FolderObjects, work: Path
) -> None:
    processor = await started(objects, work, registries=access(registry))
    lost = build(f"{registry.name}/team/game:v1", credentials_key=credentials_key("g", "build_1"))
    assert "credentials are gone" in ((await processor.process(lost, Told())).error or "")
    await sealed(objects)
    with pytest.raises(AttemptFailed, match="can't be opened"):
        await processor.process(msgspec.structs.replace(lost, id="build_2"), Told())


@pytest.mark.parametrize(
    ("pushed", "why"),
    [
        (image(layer(), config=RUN, architecture="arm64"), "build it for linux/amd64"),
        (of_several(("arm64", image(layer(), architecture="arm64"))), "no image for linux/amd64"),
        (image(layer(file("x"))), "neither entrypoint nor cmd"),
        (image(layer(), config=RUN, layer_type="application/vnd.oci.image.layer.v1.tar+zstd"), "gzip layers"),
        (image(layer(), config=RUN, sizes={0: 5 * 2**30}), "more than 4,294,967,296"),
        (image(b"no gzip and no tar", config=RUN), "can't be read"),
        (image(layer(), config=RUN | {"Env": ["A=" + "x" * 70_000]}), "configuration has more than"),
        (
            image(layer(*[folder("d" * 100 + str(number)) for number in range(5)], file("a\nb")), config=RUN),
            "control",
        ),
        (image(layer(file("/".join(["d"] * 70))), config=RUN), "folders deep"),
    ],
)
async def test_images_that_cannot_be_builds_are_refused(
    registry: Registry, objects: FolderObjects, work: Path, pushed: Image, why: str
) -> None:
    report = await process(registry, objects, work, pushed)
    assert why in (report.error or "")


async def test_an_image_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(
    registry: Registry, objects: FolderObjects, work: Path
) -> None:
    sparse = tarfile.TarInfo("huge")
    sparse.size = 1024
    sparse.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.map": "0,1024",
        "GNU.sparse.size": str(2**40),
        "GNU.sparse.numblocks": "1",
    }
    told = Told()
    report = await process(registry, objects, work, image(layer((sparse, bytes(1024))), config=RUN), told)
    assert "unpacks to more than 8,589,934,592 bytes" in (report.error or "")
    assert "unpack" not in told.steps()


async def test_layers_that_write_through_links_stay_inside(
    registry: Registry, objects: FolderObjects, work: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o777)
    outside.chmod(0o777)
    hostile = layer(
        file("bin/run", SCRIPT, 0o755),
        symlink("a", str(outside)),
        file("a/one", b"1"),
        symlink("b", "../../../../../../.." + str(outside)),
        file("b/two", b"2"),
        file("../../three", b"3"),
        file(f"/{outside}/four", b"4"),
        file("five", type=tarfile.LNKTYPE, linkname="../../../../../../../etc/passwd"),
    )
    report = await process(registry, objects, work, image(hostile, config=RUN))
    assert files(outside) == []
    if report.artefact is not None:
        _, found = await made(report, objects)
        assert b"root:" not in b"".join(part for *_, part in found.values() if isinstance(part, bytes))


@pytest.mark.parametrize("path", ["/app/game", "app/game", "/opt/link"])
async def test_the_executable_of_an_image(
    registry: Registry, objects: FolderObjects, work: Path, path: str
) -> None:
    pushed = image(
        layer(file("app/game", elf()), symlink("opt", "/srv/../app"), symlink("app/link", "/app/game"))
    )
    artefact, found = await made(
        await process(registry, objects, work, pushed, executable_path=path), objects
    )
    assert artefact.executable_path == "app/game"
    assert found["app/game"][1] == 0o755


async def test_an_executable_that_is_not_in_the_image(
    registry: Registry, objects: FolderObjects, work: Path
) -> None:
    pushed = image(layer(file("app/text", b"text"), symlink("loop", "loop")))
    for path, why in (
        ("none", "no file 'none'"),
        ("app", "no file"),
        ("app/text", "neither"),
        ("loop", "circles"),
    ):
        report = await process(registry, objects, work, pushed, executable_path=path)
        assert why in (report.error or "")


async def test_a_pull_of_more_bytes_than_were_announced_is_cut(
    registry: Registry, objects: FolderObjects, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "IMAGE_BYTES_MAX", 100_000)
    monkeypatch.setattr(images, "_SLACK_BYTES", 100_000)
    content = secrets.token_bytes(1_000_000)
    pushed = image(layer(file("bin/run", content, 0o755)), config=RUN, sizes={0: 1000})
    report = await process(registry, objects, work, pushed)
    assert report.artefact is None
    assert "bytes" in (report.error or "")


@pytest.mark.parametrize("step", ["pull", "validate", "unpack"])
async def test_cancelled_at_any_step_it_leaves_nothing(
    registry: Registry, objects: FolderObjects, work: Path, step: str
) -> None:
    registry.push("team/game", "v1", image(layer(file("bin/run", SCRIPT, 0o755)), config=RUN))
    begun = asyncio.Event()

    def tell(_: Build, __: str, told: str, ___: str) -> None:
        if told == step:
            begun.set()

    processor = await started(objects, work, registries=access(registry))
    wanted = build(f"{registry.name}/team/game:v1", credentials_key=await sealed(objects))
    task = asyncio.create_task(processor.process(wanted, tell))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
