"""The operator's token and the payment provider's signature."""

from __future__ import annotations

import hashlib
import hmac

from streams.gateway.playtests.keyless import AGE_MAX_S, is_signed, is_token

NOW_S = 1_770_000_000
BODY = b'{"id":"evt_1"}'


def signature(body: bytes, key: str, at_s: int) -> str:
    digest = hmac.new(key.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"


def test_a_signature_holds_for_its_body_its_secret_and_five_minutes() -> None:
    good = signature(BODY, "key", NOW_S)
    assert is_signed(good, BODY, "key", NOW_S)
    assert is_signed(good, BODY, "key", NOW_S + AGE_MAX_S)
    assert not is_signed(good, BODY, "key", NOW_S + AGE_MAX_S + 1)
    assert not is_signed(signature(BODY, "key", NOW_S + AGE_MAX_S + 1), BODY, "key", NOW_S)
    assert not is_signed(good, BODY + b" ", "key", NOW_S)
    assert not is_signed(good, BODY, "other", NOW_S)
    assert not is_signed(good.replace(f"t={NOW_S}", f"t={NOW_S + 1}"), BODY, "key", NOW_S)
    for header in ("", "t=1", good.upper(), good + ",v1=0", "t=1\u0660,v1=" + "0" * 64):
        assert not is_signed(header, BODY, "key", NOW_S)


def test_a_token_is_the_operator_s_or_not() -> None:
    assert is_token("token", "token")
    for other in ("", "Token", "token ", "tokens", "\udcff"):
        assert not is_token(other, "token")
