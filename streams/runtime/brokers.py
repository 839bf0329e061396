"""Where Kafka is, which certificates it is trusted by, and the login: settings of every client."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from aiokafka.abc import AbstractTokenProvider
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import KafkaError, SaslAuthenticationFailed, UnsupportedSaslMechanismError
from aiokafka.protocol.metadata import MetadataRequest

if TYPE_CHECKING:
    from faust.auth import Credentials

_LOOK_SECONDS: Final = 5

PasswordMechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PasswordLogin:
    """SASL by a user name and a password."""

    mechanism: PasswordMechanism
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenLogin:
    """SASL OAUTHBEARER: `tokens` is asked for one at each new connection."""

    tokens: AbstractTokenProvider


@dataclass(frozen=True, kw_only=True, slots=True)
class Brokers:
    """A Kafka cluster as clients are to speak to it. A login needs `tls`: without, it could be read."""

    servers: str
    """host:port of some brokers, comma separated."""
    tls: ssl.SSLContext | None = None
    login: PasswordLogin | TokenLogin | None = None
    rack: str | None = None
    """Where the clients are, in the brokers' terms: readers read from a replica there, if there is one."""

    def __post_init__(self) -> None:
        if self.login is not None and self.tls is None:
            raise ValueError("a login without TLS")

    def client(self) -> dict[str, Any]:
        """What every aiokafka client takes."""
        return {"bootstrap_servers": self.servers, **self._security()}

    def reader(self) -> dict[str, Any]:
        """What an aiokafka consumer takes: with the rack."""
        return {**self.client(), "client_rack": self.rack}

    def faust(self) -> dict[str, Any]:
        """What a Faust app takes. Its consumer's rack is set apart: Faust has no setting for it."""
        urls = [f"kafka://{server.strip()}" for server in self.servers.split(",")]
        credentials = self._faust_credentials()
        return {"broker": urls} | ({} if credentials is None else {"broker_credentials": credentials})

    async def trouble(self) -> str:
        """Why no broker serves, for a person: of each server what a connection of our own met.

        Takes 5 s at most, and names no secret.
        """
        hosts = collect_hosts(self.servers, randomize=False)
        met = await asyncio.gather(*(self._met(host, port) for host, port, _ in hosts))
        return "; ".join(f"{host}:{port} {what}" for (host, port, _), what in zip(hosts, met, strict=True))

    def _security(self) -> dict[str, Any]:
        if self.tls is None:
            return {"security_protocol": "PLAINTEXT"}
        if self.login is None:
            return {"security_protocol": "SSL", "ssl_context": self.tls}
        settings: dict[str, Any] = {"security_protocol": "SASL_SSL", "ssl_context": self.tls}
        if isinstance(self.login, TokenLogin):
            return settings | {
                "sasl_mechanism": "OAUTHBEARER",
                "sasl_oauth_token_provider": self.login.tokens,
            }
        return settings | {
            "sasl_mechanism": self.login.mechanism,
            "sasl_plain_username": self.login.username,
            "sasl_plain_password": self.login.password,
        }

    def _faust_credentials(self) -> Credentials | None:
        if self.tls is None:
            return None
        from faust import auth  # noqa: PLC0415 - only workers need Faust

        if self.login is None:
            return auth.SSLCredentials(self.tls)
        if isinstance(self.login, TokenLogin):
            return auth.OAuthCredentials(oauth_cb=self.login.tokens, ssl_context=self.tls)
        return auth.SASLCredentials(
            username=self.login.username,
            password=self.login.password,
            mechanism=self.login.mechanism,
            ssl_context=self.tls,
        )

    async def _met(self, host: str, port: int) -> str:
        connection = None
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                connection = await create_conn(host, port, **self._security())
                await connection.send(MetadataRequest([]))
        except (OSError, KafkaError) as error:  # of time-outs too
            return self._said(error)
        finally:
            if connection is not None:
                connection.close()
        return "answers"

    def _said(self, error: Exception) -> str:
        match error:
            case SaslAuthenticationFailed():
                said = f"refuses the login of {self._user()}: {error}"
            case UnsupportedSaslMechanismError():
                said = f"does not take this way of logging in: {error}"
            case ssl.SSLCertVerificationError():
                said = f"has a certificate that is not trusted: {error.verify_message}"
            case ssl.SSLError():
                said = f"does not speak TLS as expected: {error.reason or error}"
            case TimeoutError():
                said = f"does not answer within {_LOOK_SECONDS} s"
            case _:
                said = f"can't be spoken to: {error!r}" + ("" if self.tls else " (does it want TLS?)")
        return said

    def _user(self) -> str:
        return self.login.username if isinstance(self.login, PasswordLogin) else "the token's bearer"


def at(where: Brokers | str) -> Brokers:
    """`where`; of plain `host:port,…` brokers that ask for neither TLS nor a login."""
    return where if isinstance(where, Brokers) else Brokers(servers=where)
