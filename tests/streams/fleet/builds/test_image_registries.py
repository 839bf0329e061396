"""Which registries are asked, and that none leads the puller elsewhere."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.objects import FolderObjects
from schemas.fleet.objects import (
    resolved_key,
)
from streams.fleet.builds.images import RegistryAccess
from streams.fleet.builds.processor import AttemptFailed
from tests.streams.fleet.builds.image_builds import RUN, access, build, sealed
from tests.streams.fleet.builds.registry import (
    docker_registry,
    file,
    image,
    layer,
)
from tests.streams.fleet.builds.test_processor import Told, started
from tests.streams.fleet.builds.zips import SCRIPT


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
