"""The Kafka cluster that settings name, with its certificates and login: all clients are made from this."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final, get_args
from urllib.parse import urlsplit

from deploy.secret_files import read_secret
from deploy.settings import PREFIX, SettingsError
from schemas.tls import client_tls
from streams.runtime import certificates
from streams.runtime.brokers import Brokers, PasswordLogin, PasswordMechanism, TokenLogin

if TYPE_CHECKING:
    from deploy.settings import Settings

_PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_SSL")
_TOKENS: Final = "OAUTHBEARER"
_LOOPBACK: Final = {"localhost", "127.0.0.1", "::1"}


def brokers_of(settings: Settings) -> Brokers:
    """Where and how Kafka is spoken to. Reads the files that settings name; secrets are in no message.

    Raises SettingsError naming the variable, and the file where one can't be read.
    """
    rack = settings.kafka_rack or None
    protocol = settings.kafka_security_protocol
    if protocol not in _PROTOCOLS:
        raise SettingsError(
            f"{PREFIX}KAFKA_SECURITY_PROTOCOL must be {', '.join(_PROTOCOLS[:-1])} or {_PROTOCOLS[-1]},"
            f" not {protocol!r}"
        )
    if protocol == "PLAINTEXT":
        return Brokers(servers=settings.kafka, rack=rack)
    tls = _tls(settings)
    login = _login(settings) if protocol == "SASL_SSL" else None
    return Brokers(servers=settings.kafka, tls=tls, login=login, rack=rack)


def _tls(settings: Settings) -> ssl.SSLContext:
    ca, certificate = settings.kafka_ca_file, settings.kafka_certificate_file
    try:
        context = client_tls(ca or None)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"{PREFIX}KAFKA_CA_FILE: {ca} holds no PEM certificates: {error}") from None
    if certificate:
        try:
            # An encrypted key would be asked for on the terminal.
            context.load_cert_chain(certificate, settings.kafka_certificate_key_file or None, password="")
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"{PREFIX}KAFKA_CERTIFICATE_FILE and {PREFIX}KAFKA_CERTIFICATE_KEY_FILE: {certificate}"
                f" and its key can't be used: {error}"
            ) from None
        shown = Path(certificate).read_bytes()  # connections have this one until the process ends
        certificates.hold("Kafka", certificate, lambda: shown)
    return context


def _login(settings: Settings) -> PasswordLogin | TokenLogin:
    mechanism = settings.kafka_sasl_mechanism
    if mechanism == _TOKENS:
        return _token_login(settings)
    for known in get_args(PasswordMechanism):
        if mechanism == known:
            return PasswordLogin(mechanism=known, username=_username(settings), password=_password(settings))
    names = ", ".join(get_args(PasswordMechanism))
    raise SettingsError(f"{PREFIX}KAFKA_SASL_MECHANISM must be {names} or {_TOKENS}, not {mechanism!r}")


def _token_login(settings: Settings) -> TokenLogin:
    from streams.runtime.tokens import ClientCredentials, FileTokens  # noqa: PLC0415 - only these need aiohttp

    if bool(settings.kafka_token_file) == bool(settings.kafka_token_url):
        raise SettingsError(
            f"{_TOKENS} needs either {PREFIX}KAFKA_TOKEN_FILE or {PREFIX}KAFKA_TOKEN_URL (with"
            f" {PREFIX}KAFKA_USERNAME and {PREFIX}KAFKA_PASSWORD_FILE)"
        )
    if settings.kafka_token_file:
        return TokenLogin(tokens=FileTokens(Path(settings.kafka_token_file)))
    url = urlsplit(settings.kafka_token_url)
    if url.scheme != "https" and (url.scheme != "http" or url.hostname not in _LOOPBACK):
        raise SettingsError(f"{PREFIX}KAFKA_TOKEN_URL must be https://…: it is sent the client's secret")
    return TokenLogin(
        tokens=ClientCredentials(
            settings.kafka_token_url,
            client_id=_username(settings),
            client_secret=_password(settings),
            scope=settings.kafka_token_scope,
        )
    )


def _username(settings: Settings) -> str:
    if not settings.kafka_username:
        raise SettingsError(f"SASL_SSL needs {PREFIX}KAFKA_USERNAME")
    return settings.kafka_username


def _password(settings: Settings) -> str:
    path = settings.kafka_password_file
    if not path:
        raise SettingsError(f"SASL_SSL needs {PREFIX}KAFKA_PASSWORD_FILE, a file with the password")
    return read_secret(f"{PREFIX}KAFKA_PASSWORD_FILE", path)
