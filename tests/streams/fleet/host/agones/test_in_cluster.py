"""What a pod is given to reach the API by: a token, a namespace, and the CA that vouches for the API."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from streams.fleet.host.agones.cluster import ClusterUnavailable, Refused, in_cluster
from streams.fleet.host.agones.servers import GameServers
from tests.streams.fleet.host.agones.api_server import NAMESPACE, TOKEN, api_server


def signed_by_itself(folder: Path) -> ssl.SSLContext:
    """A server's context; its certificate, which is the CA's too, is in the folder as `ca.crt`."""
    folder.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
    now = dt.datetime.now(dt.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.crt", folder / "key")
    return context


def account(folder: Path, token: str) -> Path:
    (folder / "token").write_text(f"{token}\n")
    (folder / "namespace").write_text(NAMESPACE)
    return folder


async def test_a_pod_s_account_reaches_the_api_and_its_token_may_change(tmp_path: Path) -> None:
    context = signed_by_itself(tmp_path / "account")
    folder = account(tmp_path / "account", "one that was replaced")
    async with api_server(context) as api:
        cluster = in_cluster(folder, url=api.url)
        servers = GameServers(cluster, host_id="cluster-1")
        with pytest.raises(Refused, match="401 Unauthorized"):
            await servers.find()
        account(folder, TOKEN)
        assert await servers.find() == []
        assert cluster.namespace == NAMESPACE
        await cluster.close()


async def test_an_api_that_the_ca_does_not_vouch_for_gets_no_token(tmp_path: Path) -> None:
    context = signed_by_itself(tmp_path / "another")
    signed_by_itself(tmp_path / "account")
    async with api_server(context) as api:
        cluster = in_cluster(account(tmp_path / "account", TOKEN), url=api.url)
        with pytest.raises(ClusterUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            await GameServers(cluster, host_id="cluster-1").find()
        assert not api.asked
        await cluster.close()


def test_outside_a_cluster_there_is_no_account(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        in_cluster(tmp_path)
