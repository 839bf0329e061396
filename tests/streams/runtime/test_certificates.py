"""How long certificates are good: shown, said at the start and at a renewal, and daily near their end."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from streams.runtime import certificates
from tests.streams.fleet.host.authority import Authority


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def shown(used_for: str) -> float:
    found = REGISTRY.get_sample_value("questlog_certificate_days_left", {"used_for": used_for})
    assert found is not None
    return found


def test_what_is_in_the_file_now_is_shown(authority: Authority, tmp_path: Path) -> None:
    chain, _ = authority.issue(tmp_path, good_for=timedelta(days=90))
    certificates.hold("a file", str(chain), chain.read_bytes)
    assert shown("a file") == pytest.approx(90, abs=0.01)
    authority.issue(tmp_path, good_for=timedelta(days=-2))
    assert shown("a file") == pytest.approx(-2, abs=0.01)
    chain.write_text("no certificate")
    assert math.isnan(shown("a file"))
    chain.unlink()
    assert math.isnan(shown("a file"))


def test_of_a_chain_the_first_to_end_counts(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    chain, key = authority.issue(tmp_path, good_for=timedelta(days=90))
    other, _ = authority.issue(tmp_path / "other", good_for=timedelta(days=30))
    pem = key.read_bytes() + chain.read_bytes() + other.read_bytes()
    certificates.hold("a chain", "chain.pem", lambda: pem)
    assert shown("a chain") == pytest.approx(30, abs=0.01)


def test_it_is_said_when_it_is_taken_and_daily_when_it_ends_soon(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    chain, _ = authority.issue(tmp_path, good_for=timedelta(days=90, hours=1))
    for _ in range(2):
        certificates.hold("saying", str(chain), chain.read_bytes)
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert caplog.messages == [f"the certificate for saying is good for 90 days ({chain})"]
    caplog.clear()
    certificates.warn()
    assert not [told for told in caplog.messages if "saying" in told]
    authority.issue(tmp_path, good_for=timedelta(days=20, hours=12))
    certificates.warn()
    assert f"the certificate for saying ends in 20.5 days: renew it ({chain})" in caplog.messages
    caplog.clear()
    authority.issue(tmp_path, good_for=timedelta(days=-3))
    certificates.hold("saying", str(chain), chain.read_bytes)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert caplog.messages == [f"the certificate for saying ended 3.0 days ago: renew it ({chain})"]


def test_it_is_looked_at_every_day(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, _ = authority.issue(tmp_path)
    certificates.hold("a day", str(chain), chain.read_bytes)
    slept: list[float] = []
    told: list[int] = []

    class Over(BaseException):
        pass

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise Over

    monkeypatch.setattr(certificates, "sleep", sleep)
    monkeypatch.setattr(certificates, "warn", lambda: told.append(len(slept)))
    with pytest.raises(Over):
        certificates.keep_warning()
    assert slept == [certificates.DAY_S] * 3
    assert told == [1, 2]
