"""Which Kafka settings are refused, and that no secret is shown. Real logins are in tests/faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.brokers import brokers_of
from deploy.settings import Settings, SettingsError, from_environment
from streams.runtime.brokers import Brokers, PasswordLogin, TokenLogin, at
from streams.runtime.tokens import ClientCredentials, FileTokens, TokenUnavailable

SECRET = "a-secret-of-brokers"  # noqa: S105 - a test's


def configured(**words: str) -> Settings:
    variables = {f"QUESTLOG_KAFKA_{name.upper()}": value for name, value in words.items()}
    return from_environment({"QUESTLOG_KAFKA_SECURITY_PROTOCOL": "SASL_SSL"} | variables)


@pytest.fixture
def password(tmp_path: Path) -> str:
    (tmp_path / "password").write_text(f"{SECRET}\n")
    return str(tmp_path / "password")


def test_plain_brokers_take_neither_tls_nor_a_login() -> None:
    assert brokers_of(Settings()) == at("localhost:9092")
    assert at("a:1,b:2").client() == {"bootstrap_servers": "a:1,b:2", "security_protocol": "PLAINTEXT"}
    assert at("a:1,b:2").faust() == {"broker": ["kafka://a:1", "kafka://b:2"]}


def test_a_password_is_read_from_its_file_and_shown_nowhere(password: str) -> None:
    settings = configured(username="me", password_file=password, rack="zone-1")
    brokers = brokers_of(settings)
    assert brokers.login == PasswordLogin(mechanism="SCRAM-SHA-512", username="me", password=SECRET)
    reader = brokers.reader()
    assert (reader["security_protocol"], reader["sasl_mechanism"]) == ("SASL_SSL", "SCRAM-SHA-512")
    assert (reader["sasl_plain_password"], reader["client_rack"]) == (SECRET, "zone-1")
    credentials = brokers.faust()["broker_credentials"]
    assert (credentials.protocol.value, credentials.mechanism.value) == ("SASL_SSL", "SCRAM-SHA-512")
    for shown in (repr(brokers), repr(settings), str(settings.environment()), repr(credentials)):
        assert SECRET not in shown


def test_tls_alone_needs_no_login() -> None:
    brokers = brokers_of(configured(security_protocol="SSL"))
    assert brokers.client()["security_protocol"] == "SSL"
    assert brokers.login is None
    assert brokers.faust()["broker_credentials"].protocol.value == "SSL"


def test_tokens_come_from_a_file_or_an_endpoint(password: str) -> None:
    by_file = brokers_of(configured(sasl_mechanism="OAUTHBEARER", token_file="/run/token"))  # noqa: S106
    assert isinstance(by_file.login, TokenLogin)
    assert isinstance(by_file.login.tokens, FileTokens)
    assert by_file.faust()["broker_credentials"].mechanism.value == "OAUTHBEARER"
    by_url = brokers_of(
        configured(
            sasl_mechanism="OAUTHBEARER",
            token_url="https://login.example.com/token",  # noqa: S106
            username="me",
            password_file=password,
        )
    )
    assert isinstance(by_url.login, TokenLogin)
    assert isinstance(by_url.login.tokens, ClientCredentials)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"security_protocol": "TLS"}, "SECURITY_PROTOCOL must be PLAINTEXT, SSL or SASL_SSL, not 'TLS'"),
        ({"security_protocol": "SASL_PLAINTEXT"}, "must be PLAINTEXT, SSL or SASL_SSL"),
        ({"sasl_mechanism": "GSSAPI"}, "KAFKA_SASL_MECHANISM must be SCRAM-SHA-512, SCRAM-SHA-256, PLAIN or"),
        ({}, "SASL_SSL needs QUESTLOG_KAFKA_USERNAME"),
        ({"username": "me"}, "SASL_SSL needs QUESTLOG_KAFKA_PASSWORD_FILE"),
        ({"username": "me", "password_file": "/no/such"}, "/no/such can't be read: No such file"),
        ({"username": "me", "password_file": "/dev/null"}, "/dev/null is empty"),
        ({"ca_file": "/no/such"}, "QUESTLOG_KAFKA_CA_FILE: /no/such holds no PEM certificates"),
        ({"ca_file": "/dev/null"}, "QUESTLOG_KAFKA_CA_FILE: /dev/null holds no PEM certificates"),
        ({"certificate_file": "/dev/null"}, "QUESTLOG_KAFKA_CERTIFICATE_KEY_FILE: /dev/null and its key"),
        ({"sasl_mechanism": "OAUTHBEARER"}, "OAUTHBEARER needs either QUESTLOG_KAFKA_TOKEN_FILE or"),
        (
            {"sasl_mechanism": "OAUTHBEARER", "token_url": "http://localhost.example.com/token"},
            "QUESTLOG_KAFKA_TOKEN_URL must be https://",
        ),
    ],
)
def test_what_can_not_be_is_refused_by_its_name(words: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        brokers_of(configured(**words))
    assert message in str(refused.value)


def test_a_password_that_is_no_text_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_bytes(SECRET.encode() + b"\xff")
    with pytest.raises(SettingsError, match="it is not UTF-8") as refused:
        brokers_of(configured(username="me", password_file=str(path)))
    assert SECRET not in str(refused.value)


def test_a_login_without_tls_is_not_made() -> None:
    with pytest.raises(ValueError, match="without TLS"):
        Brokers(servers="a:1", login=PasswordLogin(mechanism="PLAIN", username="me", password=SECRET))


def test_more_acknowledgements_than_replicas_are_refused() -> None:
    with pytest.raises(SettingsError, match="QUESTLOG_INSYNC_REPLICAS must be from 0 to 2, not 3"):
        from_environment({"QUESTLOG_REPLICATION": "2", "QUESTLOG_INSYNC_REPLICAS": "3"})
    assert [Settings(replication=number).insync_replicas_min for number in (1, 2, 3)] == [1, 1, 2]
    assert Settings(replication=3, insync_replicas=1).insync_replicas_min == 1


async def test_a_file_is_read_at_each_login(tmp_path: Path) -> None:
    path = tmp_path / "token"
    tokens = FileTokens(path)
    with pytest.raises(TokenUnavailable, match="no token can be read from"):
        await tokens.token()
    path.write_text("first\n")
    assert await tokens.token() == "first"
    path.write_text("second")
    assert await tokens.token() == "second"
    path.write_text("\n")
    with pytest.raises(TokenUnavailable, match="no token is in"):
        await tokens.token()
    path.write_bytes(SECRET.encode() + b"\xff")
    with pytest.raises(TokenUnavailable, match="it is not UTF-8") as refused:
        await tokens.token()
    assert SECRET not in str(refused.value)
