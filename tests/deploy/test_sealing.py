from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from deploy.sealing import open_sealer
from deploy.settings import Settings, SettingsError, from_environment, make_secret
from schemas.seal import UnknownSecret


def sealed_by(settings: Settings) -> str:
    key = open_sealer(settings).data_key("studio", "order", secrets.token_bytes)
    return key.seal("keys", "A", secrets.token_bytes)


def opened(sealed: str, settings: Settings) -> str:
    return open_sealer(settings).open(sealed, studio_id="studio", aggregate_id="order", field="keys")


def test_old_secrets_open_what_they_sealed(tmp_path: Path) -> None:
    make_secret(tmp_path)
    first = (tmp_path / "secret").read_text()
    before = sealed_by(Settings(home=tmp_path))
    (tmp_path / "secret").write_text("another")
    with pytest.raises(UnknownSecret):
        opened(before, Settings(home=tmp_path))
    given = from_environment({"QUESTLOG_HOME": str(tmp_path), "QUESTLOG_OLD_SECRETS": f"older, {first}"})
    assert opened(before, given) == "A"
    assert opened(before, from_environment(given.environment())) == "A"
    (tmp_path / "old-secrets").write_text(f"older\n\n{first}\n")
    assert opened(before, Settings(home=tmp_path)) == "A"
    assert opened(sealed_by(Settings(home=tmp_path)), Settings(home=tmp_path)) == "A"


def test_without_a_secret_or_with_too_many_nothing_is_opened(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no deployment secret"):
        open_sealer(Settings(home=tmp_path))
    many = Settings(home=tmp_path, secret="new", old_secrets=tuple(str(one) for one in range(17)))  # noqa: S106 - a test's
    with pytest.raises(SettingsError, match="OLD_SECRETS: at most 16 old secrets are kept, not 17"):
        open_sealer(many)
