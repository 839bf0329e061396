"""Three Kafka brokers as a cluster has them: SASL over TLS for all who come, TLS between controllers, racks.

Certificates are made here, for a day. A login is a password by SCRAM, or a token that `issuer_key` signs.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import subprocess
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

import jwt
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from deploy.stack.kafka import ARCHIVE, java
from deploy.stack.kafka_jars import default_cache, fetch_jars
from deploy.stack.ports import free_port
from deploy.stack.program import die_with
from streams.runtime.brokers import Brokers, PasswordLogin

if TYPE_CHECKING:
    from collections.abc import Iterator

USER: Final = "questlog"
PASSWORD: Final = "a-password-of-questlog"  # noqa: S105 - a test's
BROKERS_PASSWORD: Final = "a-password-of-brokers"  # noqa: S105 - likewise
AUDIENCE: Final = "kafka"
START_SECONDS: Final = 240
NODES: Final = (1, 2, 3)


@dataclass
class Cluster:
    """A running cluster: where it is, by which certificate it is trusted, what signs its tokens."""

    folder: Path
    servers: str
    issuer_key: rsa.RSAPrivateKey
    processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def ca(self) -> Path:
        """PEM certificate of the authority."""
        return self.folder / "ca.pem"

    def token(self, subject: str, *, signed_by: rsa.RSAPrivateKey | None = None) -> str:
        """A token for ten minutes; brokers accept what their issuer has signed, as it is by default."""
        now = datetime.now(UTC)
        claims = {
            "sub": subject,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + timedelta(minutes=10),
            "scope": "kafka",
        }
        return jwt.encode(claims, signed_by or self.issuer_key, algorithm="RS256", headers={"kid": "issuer"})

    async def disconnected(self) -> None:
        """Wait until no socket of this process is connected to a broker.

        A Kafka client's `close` begins TLS's closing handshake and does not wait for its end. The transport
        of an event loop that is closed before the broker has answered warns when it is collected, which may
        be in another test.
        """
        ports = {int(server.rpartition(":")[2]) for server in self.servers.split(",")}
        async with asyncio.timeout(START_SECONDS):
            while not ports.isdisjoint(_connected_ports()):  # noqa: ASYNC110 - nothing tells of a close
                await asyncio.sleep(0.01)

    def kill(self, node: int) -> None:
        """SIGKILL."""
        self.processes[node].kill()
        self.processes[node].wait()


@contextmanager
def secured_brokers(folder: Path) -> Iterator[Cluster]:
    """Three brokers on the loopback, each in a rack of its own (`zone-1` to `zone-3`); ended afterwards."""
    _certificates(folder)
    issuer_key = new_key()
    key_set = {"keys": [_public(issuer_key)]}
    (folder / "keys.json").write_text(json.dumps(key_set))
    ports = {node: (free_port(), free_port()) for node in NODES}
    cluster = Cluster(folder, ",".join(f"localhost:{port}" for port, _ in ports.values()), issuer_key)
    with ExitStack() as stack:
        for node in NODES:
            cluster.processes[node] = stack.enter_context(_broker(folder, node, ports))
        asyncio.run(_until_all_answer(cluster))
        yield cluster


async def _until_all_answer(cluster: Cluster) -> None:
    deadline = time.monotonic() + START_SECONDS
    brokers = Brokers(
        servers=cluster.servers,
        tls=ssl.create_default_context(cafile=str(cluster.ca)),
        login=PasswordLogin(mechanism="SCRAM-SHA-512", username=USER, password=PASSWORD),
    )
    while True:
        admin = AIOKafkaAdminClient(**brokers.client())
        try:
            await admin.start()
            if len((await admin.describe_cluster())["brokers"]) == len(NODES):
                break
        except KafkaError:
            ended = [node for node, process in cluster.processes.items() if process.poll() is not None]
            assert not ended, (cluster.folder / f"broker-{ended[0]}.log").read_text()[-3000:]
            assert time.monotonic() < deadline, await brokers.trouble()
        finally:
            await admin.close()
        await asyncio.sleep(0.2)
    await cluster.disconnected()


def _connected_ports() -> set[int]:
    """The ports that this process is connected to by IPv4 or IPv6."""
    ports = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        peer = None
        try:
            if str(descriptor.readlink()).startswith("socket:"):
                with socket.socket(fileno=os.dup(int(descriptor.name))) as copy:
                    peer = copy.getpeername() if copy.family in (socket.AF_INET, socket.AF_INET6) else None
        except OSError:  # closed meanwhile, or not connected
            continue
        if isinstance(peer, tuple):
            ports.add(int(peer[1]))
    return ports


@contextmanager
def _broker(folder: Path, node: int, ports: dict[int, tuple[int, int]]) -> Iterator[subprocess.Popen[bytes]]:
    """One node. Ended at once: what it leaves behind nothing reads."""
    properties = folder / f"broker-{node}.properties"
    lines = _properties(folder, node, ports).items()
    properties.write_text("".join(f"{key}={value}\n" for key, value in lines))
    jars = fetch_jars(default_cache())
    runs = [java(), "-Xms96m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    runs += [f"-XX:SharedArchiveFile={jars / ARCHIVE}"] if (jars / ARCHIVE).exists() else []
    runs += [f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={(folder / 'keys.json').as_uri()}"]
    runs += ["-cp", f"{jars}/*"]
    format_words = [
        *("kafka.tools.StorageTool", "format", "-t", "4L6g3nShT-eMCtK--X86sw", "-c", str(properties)),
        *("--add-scram", f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"),
        *("--add-scram", f"SCRAM-SHA-512=[name=brokers,password={BROKERS_PASSWORD}]"),
    ]
    log_path = folder / f"broker-{node}.log"
    with log_path.open("ab") as log:
        subprocess.run([*runs, *format_words], check=True, stdout=log, stderr=log)  # noqa: S603 - our words
        with subprocess.Popen(  # noqa: S603 - likewise
            [*runs, "kafka.Kafka", str(properties)],
            stdout=log,
            stderr=log,
            preexec_fn=partial(die_with, os.getpid()),  # noqa: PLW1509 - it calls the kernel alone
        ) as process:
            try:
                yield process
            finally:
                process.kill()


def _properties(folder: Path, node: int, ports: dict[int, tuple[int, int]]) -> dict[str, str]:
    port, controller = ports[node]
    module = "org.apache.kafka.common.security"
    return {
        "process.roles": "broker,controller",
        "node.id": str(node),
        "broker.rack": f"zone-{node}",
        "controller.quorum.voters": ",".join(f"{one}@localhost:{ports[one][1]}" for one in ports),
        "listeners": f"SASL_SSL://localhost:{port},CONTROLLER://localhost:{controller}",
        "advertised.listeners": f"SASL_SSL://localhost:{port}",
        "listener.security.protocol.map": "SASL_SSL:SASL_SSL,CONTROLLER:SSL",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "SASL_SSL",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512,OAUTHBEARER",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": f"{module}.scram.ScramLoginModule required"
        f' username="brokers" password="{BROKERS_PASSWORD}";',
        "listener.name.sasl_ssl.oauthbearer.sasl.jaas.config": f"{module}.oauthbearer.OAuthBearerLoginModule"
        " required;",
        "listener.name.sasl_ssl.oauthbearer.sasl.server.callback.handler.class": f"{module}.oauthbearer."
        "OAuthBearerValidatorCallbackHandler",
        "sasl.oauthbearer.jwks.endpoint.url": (folder / "keys.json").as_uri(),
        "sasl.oauthbearer.expected.audience": AUDIENCE,
        # The default one checks no signature where it finds no keys.
        "sasl.oauthbearer.jwt.validator.class": f"{module}.oauthbearer.BrokerJwtValidator",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "server.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "ca.pem"),
        "replica.selector.class": "org.apache.kafka.common.replica.RackAwareReplicaSelector",
        "log.dirs": str(folder / f"data-{node}"),
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": "3",
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.num.partitions": "1",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "broker.session.timeout.ms": "6000",
        "broker.heartbeat.interval.ms": "500",
        "message.max.bytes": str(17 * 1024 * 1024),
        "replica.fetch.max.bytes": str(17 * 1024 * 1024),
        "num.network.threads": "1",
        "num.io.threads": "2",
        "log.cleaner.dedupe.buffer.size": str(4 * 1024 * 1024),
    }


def new_key() -> rsa.RSAPrivateKey:
    """A key that nothing knows yet."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _public(key: rsa.RSAPrivateKey) -> dict[str, str]:
    made: dict[str, str] = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return made | {"kid": "issuer", "use": "sig", "alg": "RS256"}


def _certificates(folder: Path) -> None:
    """`ca.pem`, and `server.pem` with the brokers' key and the certificate that it signed; of another
    authority, `other.pem`."""
    authority = _named("questlog tests")
    key, other, server = new_key(), new_key(), new_key()
    now = datetime.now(UTC)

    def certificate(subject: x509.Name, public: rsa.RSAPublicKey, by: rsa.RSAPrivateKey) -> x509.Certificate:
        names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(authority)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=subject == authority, path_length=None), critical=True)
        )
        if subject != authority:
            made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return made.sign(by, hashes.SHA256())

    pem = serialization.Encoding.PEM
    signed = certificate(_named("localhost"), server.public_key(), key)
    (folder / "ca.pem").write_bytes(certificate(authority, key.public_key(), key).public_bytes(pem))
    (folder / "other.pem").write_bytes(certificate(authority, other.public_key(), other).public_bytes(pem))
    private = server.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(private + signed.public_bytes(pem))


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
