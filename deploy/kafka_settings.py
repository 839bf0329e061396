"""Settings of Kafka: where it is, how its clients log in, and how safely it keeps what it acknowledges."""

from __future__ import annotations

import dataclasses
from typing import Final

DEFAULT_KAFKA_PORT: Final = 9092


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class KafkaSettings:
    """The part of `Settings` that is about Kafka. Secrets are in files: a variable would show in listings."""

    kafka: str = f"localhost:{DEFAULT_KAFKA_PORT}"
    """Bootstrap servers, comma separated."""
    kafka_security_protocol: str = "PLAINTEXT"
    """`PLAINTEXT`, `SSL` (TLS) or `SASL_SSL` (TLS and a login). A login without TLS is not offered."""
    kafka_ca_file: str = ""
    """PEM certificates that brokers are trusted by. Empty: the system's."""
    kafka_certificate_file: str = ""
    """PEM certificate of this client with its chain, where brokers ask for one. Empty: none."""
    kafka_certificate_key_file: str = ""
    """Its private key, without a passphrase. Empty: it is in the same file."""
    kafka_sasl_mechanism: str = "SCRAM-SHA-512"
    """`SCRAM-SHA-512`, `SCRAM-SHA-256`, `PLAIN`, or `OAUTHBEARER` for clouds that hand out tokens."""
    kafka_username: str = ""
    """The login's name; the client's id at `kafka_token_url`."""
    kafka_password_file: str = ""
    """File with its password, or the client's secret; read once, at a process's start."""
    kafka_token_file: str = ""
    """Of OAUTHBEARER: file with the token, read at each new connection; others keep it fresh."""
    kafka_token_url: str = ""
    """Of OAUTHBEARER: OAuth 2 endpoint that gives tokens for the client's id and secret."""
    kafka_token_scope: str = ""
    """What is asked of that endpoint; empty: nothing in particular."""
    kafka_rack: str = ""
    """Where this process is, as in the brokers' `broker.rack`: its readers read from a replica there, if
    brokers select by rack (`replica.selector.class`). Empty: from leaders."""
    replication: int = 1
    """Replication factor: topics are created with it, and one that has fewer replicas stops the start."""
    insync_replicas: int = 0
    """min.insync.replicas: how many must have a record before it is acknowledged. 0: one less than
    `replication`, at least 1."""

    @property
    def insync_replicas_min(self) -> int:
        """min.insync.replicas with its default filled in."""
        return self.insync_replicas or max(1, self.replication - 1)
