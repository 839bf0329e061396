"""A certificate authority of a test's own, and clients that trust it alone."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_TIMEOUT_S = 60.0


class Authority:
    """Signs certificates for 127.0.0.1; each has a serial number of its own."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._signed("questlog test authority", self._key.public_key(), ca=True)

    def issue(self, folder: Path, *, good_for: timedelta = timedelta(days=1)) -> tuple[Path, Path]:
        """A new certificate and its key in this folder, each replaced whole."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._signed("a game", key.public_key(), ca=False, good_for=good_for).public_bytes(
            Encoding.PEM
        )
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        paths = folder / "certificate.pem", folder / "key.pem"
        for path, content in zip(paths, (certificate, private), strict=True):
            new = path.with_suffix(".new")
            new.touch(mode=0o600)
            new.write_bytes(content)
            new.rename(path)
        return paths

    def client(self) -> ssl.SSLContext:
        """Verifies servers by this authority and their address."""
        return ssl.create_default_context(cadata=self._certificate.public_bytes(Encoding.PEM).decode())

    def _signed(
        self,
        name: str,
        public: ec.EllipticCurvePublicKey,
        *,
        ca: bool,
        good_for: timedelta = timedelta(days=1),
    ) -> x509.Certificate:
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "questlog test authority")])
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(min(now, now + good_for) - timedelta(days=1))
            .not_valid_after(now + good_for)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )


def serial(certificate: Path) -> int:
    """Of a certificate's file."""
    return x509.load_pem_x509_certificate(certificate.read_bytes()).serial_number


class TlsPlayer:
    """A client that verifies the server, and can say its last and hear on."""

    def __init__(self, context: ssl.SSLContext, port: int, source: str = "127.0.0.1") -> None:
        self._socket = socket.create_connection(
            ("127.0.0.1", port), timeout=_TIMEOUT_S, source_address=(source, 0)
        )
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="127.0.0.1")
        try:
            self._handshake()
        except OSError:
            self.close()
            raise

    @property
    def address(self) -> tuple[str, int]:
        """Its own."""
        host, port = self._socket.getsockname()
        return str(host), int(port)

    @property
    def serial(self) -> int:
        """Of the certificate that it was shown."""
        shown = self.tls.getpeercert(binary_form=True)
        assert shown is not None
        return x509.load_der_x509_certificate(shown).serial_number

    def send(self, data: bytes) -> None:
        self.tls.write(data)
        self._flush()

    def receive(self) -> bytes:
        """What comes next; empty at an orderly end. Raises ConnectionError where it breaks off."""
        while True:
            try:
                return bytes(self.tls.read(65_536))
            except ssl.SSLWantReadError:
                if self._incoming.eof:
                    raise ConnectionError("no close_notify") from None
                self._exchange()
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLEOFError:
                raise ConnectionError("no close_notify") from None

    def exactly(self, count: int) -> bytes:
        found = b""
        while len(found) < count and (data := self.receive()):
            found += data
        return found

    def rest(self) -> bytes:
        """Everything to the end."""
        found = b""
        while data := self.receive():
            found += data
        return found

    def finish(self) -> None:
        """Says its last."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        self._flush()
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _handshake(self) -> None:
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self._exchange()
            else:
                self._flush()
                return

    def _flush(self) -> None:
        while self._outgoing.pending:
            self._socket.sendall(self._outgoing.read())

    def _exchange(self) -> None:
        self._flush()
        data = self._socket.recv(65_536)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()


@contextlib.contextmanager
def plain(port: int) -> Iterator[socket.socket]:
    """A connection without TLS."""
    with socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S) as connection:
        yield connection
