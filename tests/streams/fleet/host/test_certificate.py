"""The deployment's certificate: what is refused and why, and what a renewal that is under way does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from streams.fleet.host import certificate
from streams.fleet.host.certificate import CertificateFiles, CertificateRefused, keep_certified
from streams.fleet.host.relays import certify
from streams.runtime.certificates import days_left
from tests.streams.fleet.host.authority import Authority


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def test_key_and_chain_are_one_pem_and_may_be_one_file(authority: Authority, tmp_path: Path) -> None:
    chain, key = authority.issue(tmp_path)
    pem = CertificateFiles(chain, key).read()
    assert pem == key.read_bytes() + chain.read_bytes()
    key.write_bytes(pem)
    assert CertificateFiles(key, key).read() == pem


def test_what_is_wrong_is_said_with_its_file(authority: Authority, tmp_path: Path) -> None:
    chain, key = authority.issue(tmp_path)
    (tmp_path / "other").mkdir()
    other, _ = authority.issue(tmp_path / "other")
    empty, missing, locked = tmp_path / "empty", tmp_path / "missing", tmp_path / "locked"
    empty.touch()
    locked.touch(mode=0o600)
    secret = BestAvailableEncryption(b"word")
    held = load_pem_private_key(key.read_bytes(), None)
    locked.write_bytes(held.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret))
    large = tmp_path / "large"
    large.write_bytes(bytes(1024 * 1024 + 1))
    for files, told in (
        (CertificateFiles(other, key), r"no certificate and its key.*KEY_VALUES_MISMATCH"),
        (CertificateFiles(empty, key), f"{empty} and {key} are no certificate"),
        (CertificateFiles(missing, key), f"{missing} can't be read: No such file"),
        (CertificateFiles(large, key), f"{large} is no PEM file"),
        (CertificateFiles(chain, locked), "not encrypted"),
    ):
        with pytest.raises(CertificateRefused, match=told):
            files.read()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o777])
def test_a_key_that_others_may_read_is_refused(authority: Authority, tmp_path: Path, mode: int) -> None:
    chain, key = authority.issue(tmp_path)
    key.chmod(mode)
    with pytest.raises(CertificateRefused, match=f"{key} can be read by others than its owner: chmod 600"):
        CertificateFiles(chain, key).read()


async def test_a_renewal_is_taken_once_both_files_fit(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(certificate, "LOOK_S", 0.01)
    chain, key = authority.issue(tmp_path)
    files = CertificateFiles(chain, key)
    taken: list[bytes] = []

    async def certified(pem: bytes) -> None:
        taken.append(pem)

    keeping = asyncio.create_task(keep_certified(files, certified))
    try:
        first = files.read()
        await _so(lambda: taken == [first])
        assert days_left(certificate.USED_FOR) == pytest.approx(1, abs=0.01)
        (tmp_path / "new").mkdir()
        new_chain, new_key = authority.issue(tmp_path / "new", good_for=timedelta(days=90))
        new_chain.rename(chain)
        await _so(lambda: "players go on with the former TLS certificate" in caplog.text)
        assert taken == [first]
        assert days_left(certificate.USED_FOR) == pytest.approx(1, abs=0.01)
        new_key.rename(key)
        await _so(lambda: days_left(certificate.USED_FOR) > 89)
        assert taken == [first, files.read()]
        assert b"PRIVATE" not in caplog.text.encode()
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])


async def _so(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - of files
            await asyncio.sleep(0.01)


def test_relays_alone_may_read_it(tmp_path: Path) -> None:
    certify(tmp_path, b"secret", None)
    certify(tmp_path, b"another", None)
    (kept,) = (tmp_path / "tls").iterdir()
    assert kept.read_bytes() == b"another"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
