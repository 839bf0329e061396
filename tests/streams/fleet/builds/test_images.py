import asyncio
import base64
import contextlib
import datetime as dt
import ipaddress
import logging
import secrets
import socket
import tarfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.objects import FolderObjects
from schemas.fleet.host_commands import BuildReport
from schemas.fleet.objects import (
    RegistryCredentials,
    artefact_key,
    credentials_key,
    resolved_key,
    seal_credentials,
    store_credentials,
)
from schemas.fleet.views import Artefact, Build
from schemas.seal import Sealer
from streams.fleet.builds import images
from streams.fleet.builds.images import RegistryAccess
from streams.fleet.builds.processor import AttemptFailed
from tests.streams.fleet.builds.processes import descendants, files, nothing_left_behind
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
from tests.streams.fleet.builds.test_processor import BUILD, Told, started
from tests.streams.fleet.builds.zips import SCRIPT, Unpacked, elf, unpacked

RUN = {"Cmd": ["/bin/run"]}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with docker_registry(tmp_path_factory.mktemp("registry") / "home") as running:
        yield running


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path / "objects", base_url="", secret=b"s")


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "work"
    with nothing_left_behind(path):
        yield path
    assert files(path) == ["empty"]


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
    registry: Registry, objects: FolderObjects, work: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen = bytearray()
    programs: set[bytes] = set()

    async def watch() -> None:
        while True:
            for child in descendants():
                for name in ("cmdline", "environ"):
                    data = told_of(child, name)
                    seen.extend(data)
                    if name == "cmdline":
                        programs.add(data.split(b"\0")[0])
            await asyncio.sleep(0.002)

    watching = asyncio.create_task(watch())
    told = Told()
    report = await process(
        registry, objects, work, image(layer(file("bin/run", SCRIPT, 0o755)), config=RUN), told
    )
    watching.cancel()
    assert report.artefact is not None
    assert b"/usr/bin/skopeo" in programs
    basic = base64.b64encode(f"{CREDENTIALS.username}:{CREDENTIALS.password}".encode())
    left = b"".join((tmp_path / name).read_bytes() for name in files(tmp_path) if is_file(tmp_path / name))
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


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("127.0.0.1:5000/x:1", "on this host"),
        ("localhost/x:1", "on this host"),
        ("169.254.169.254/latest/meta-data:1", "not a public address"),
        ("10.0.0.1/x:1", "not a public address"),
        ("192.168.1.1:5000/x:1", "not a public address"),
        ("0.0.0.0/x:1", "not a public address"),
        ("http://example.com/x", "without http://"),
        ("Upper/Case", "no image's name"),
        ("-x/y", "no image's name"),
        ("x/y:-tag", "no image's name"),
        ("user@host/x", "no image's name"),
        ("", "no image's name"),
    ],
)
async def test_registries_at_private_addresses_are_refused(
    objects: FolderObjects, work: Path, url: str, why: str
) -> None:
    report = await (await started(objects, work)).process(build(url), Told())
    assert why in (report.error or "")


_TLS_HANDSHAKE = b"\x16"
"""How a client's first TLS record begins (RFC 8446, 5.1)."""


@asynccontextmanager
async def misleading(answer: bytes) -> AsyncIterator[int]:
    """A registry that answers every request alike, and no TLS: a client that tries it needn't wait.

    It must have been asked when the block ends.
    """
    answered: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(1) != _TLS_HANDSHAKE:
            while (line := await reader.readline()) and line != b"\r\n":
                pass
            writer.write(answer)
            answered.append(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    assert answered


async def test_a_registry_cannot_lead_the_puller_to_the_host(objects: FolderObjects, work: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0)
        inside = f"127.0.0.1:{trap.getsockname()[1]}"
        for location in (
            f"http://{inside}/token",
            f"https://{inside}/token",
            "https://169.254.169.254/token",
        ):
            token = (
                f'HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer realm="{location}"\r\nContent-Length: 0\r\n\r\n'
            )
            moved = f"HTTP/1.1 302 Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
            for answer in (token, moved):
                async with misleading(answer.encode()) as port:
                    named = RegistryAccess(named=frozenset({("localhost", port)}))
                    processor = await started(objects, work, registries=named)
                    with contextlib.suppress(AttemptFailed):
                        report = await processor.process(build(f"localhost:{port}/x/y:1"), Told())
                        assert report.artefact is None
        with pytest.raises(BlockingIOError):
            trap.accept()


async def test_a_registry_with_a_certificate_of_the_deployments_own(
    objects: FolderObjects, work: Path, tmp_path: Path
) -> None:
    certificate = certified(tmp_path)
    with docker_registry(tmp_path / "registry", certificate) as registry:
        registry.push("team/game", "v1", image(layer(file("bin/run", SCRIPT, 0o755)), config=RUN))
        url = f"{registry.name}/team/game:v1"
        wanted = build(url, credentials_key=await sealed(objects))
        processor = await started(objects, work, registries=access(registry, certificate[0]))
        assert (await processor.process(wanted, Told())).artefact is not None
        other = certified(tmp_path, "other")
        await objects.delete(resolved_key("g", "build_1"))
        processor = await started(objects, work, registries=access(registry, other[0]))
        assert "no valid certificate" in ((await processor.process(wanted, Told())).error or "")


def certified(folder: Path, name: str = "registry") -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    names: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


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
