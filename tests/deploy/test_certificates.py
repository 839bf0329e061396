"""Which of a deployment's certificates are looked at, and that every process does so daily."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from deploy.brokers import brokers_of
from deploy.redis_server import redis_of
from deploy.settings import from_environment
from streams.runtime.certificates import days_left
from tests.streams.fleet.host.authority import Authority

ROOT = Path(__file__).parents[2]


@pytest.fixture
def authority() -> Authority:
    return Authority()


def test_a_client_s_own_for_kafka_is_the_one_that_its_connections_have(
    authority: Authority, tmp_path: Path
) -> None:
    chain, key = authority.issue(tmp_path, good_for=timedelta(days=40))
    variables = {"CERTIFICATE_FILE": str(chain), "CERTIFICATE_KEY_FILE": str(key), "SECURITY_PROTOCOL": "SSL"}
    brokers_of(from_environment({f"QUESTLOG_KAFKA_{name}": value for name, value in variables.items()}))
    assert days_left("Kafka") == pytest.approx(40, abs=0.01)
    authority.issue(tmp_path, good_for=timedelta(days=90))
    assert days_left("Kafka") == pytest.approx(40, abs=0.01)


def test_a_client_s_own_for_redis_is_the_one_that_its_next_connection_has(
    authority: Authority, tmp_path: Path
) -> None:
    chain, key = authority.issue(tmp_path, good_for=timedelta(days=40))
    variables = {"CERTIFICATE_FILE": str(chain), "CERTIFICATE_KEY_FILE": str(key), "URL": "rediss://h"}
    redis_of(from_environment({f"QUESTLOG_REDIS_{name}": value for name, value in variables.items()}))
    assert days_left("Redis") == pytest.approx(40, abs=0.01)
    authority.issue(tmp_path, good_for=timedelta(days=90))
    assert days_left("Redis") == pytest.approx(90, abs=0.01)


@pytest.mark.parametrize("program", ["worker", "edge"])
def test_every_process_looks_daily(program: str) -> None:
    assert "    certificates.warn_daily()\n" in (ROOT / "deploy" / f"{program}.py").read_text("utf-8")
