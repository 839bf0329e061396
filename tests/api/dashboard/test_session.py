"""Session tokens: what they carry, when they end, and that only the deployment's secret makes one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.dashboard.session import LIFETIME_MS, SessionSigner
from schemas.identifiers import key_hash

SIGNER = SessionSigner(b"0123456789abcdef")
NOW_MS = 1_800_000_000_000
HASH = key_hash("pl_mgmt_something")
TOKEN = SIGNER.issue(HASH, NOW_MS)


def test_a_token_names_the_key_by_hash_until_it_expires() -> None:
    session = SIGNER.read(TOKEN, NOW_MS + LIFETIME_MS - 1)
    assert session is not None
    assert session.key_hash == HASH
    assert "pl_mgmt" not in TOKEN
    assert SIGNER.read(TOKEN, NOW_MS + LIFETIME_MS) is None


def test_another_deployments_token_is_nobodys() -> None:
    assert SessionSigner(b"another secret of 16").read(TOKEN, NOW_MS) is None


def test_the_token_fits_a_cookie() -> None:
    assert len(TOKEN) < 300
    assert TOKEN.replace("-", "").replace("_", "").replace(".", "").isalnum()


@given(st.integers(0, len(TOKEN) - 1), st.characters(codec="utf-8"))
def test_no_changed_token_is_read_as_another_session(place: int, character: str) -> None:
    changed = TOKEN[:place] + character + TOKEN[place + 1 :]
    assert SIGNER.read(changed, NOW_MS) in (None, SIGNER.read(TOKEN, NOW_MS))


@given(st.text(max_size=600))
def test_any_text_is_read_without_an_exception(text: str) -> None:
    assert SIGNER.read(text, NOW_MS) is None


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        SessionSigner(b"short")
