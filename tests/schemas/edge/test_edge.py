from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.nouns import surfaces
from schemas.edge import authentication
from schemas.edge.cors import Cors
from schemas.edge.errors import error_body, retry_after
from schemas.edge.proxy import UNKNOWN_PLACE, TrustedProxies
from schemas.edge.surfaces import Surface
from schemas.fleet.errors import S5
from schemas.liveops.errors import S3
from schemas.playtests.errors import S2
from schemas.telemetry.errors import S1, S4


@pytest.mark.parametrize(
    ("path", "surface"),
    [
        ("/api/v1/games", S1),
        ("/api/v1/games/doom/prompts", S1),
        ("/api/v1/nothing", S1),
        ("/api/telemetry", S1),
        ("/api/telemetry/feedback", S1),
        ("/api/webhooks/discord", S1),
        ("/api/v1/playtests", S2),
        ("/api/v1/playtests/dashboard/stats", S2),
        ("/api/v1/games/doom/playtests", S2),
        ("/api/v1/playtest-applications/a/approve", S2),
        ("/api/v1/billing/balance", S2),
        ("/api/v1/playtestsomething", S1),
        ("/sdk/v1/ping", S3),
        ("/server/v1/players/x", S3),
        ("/api/events", S4),
        ("/api/telemetryx", S4),
        ("/api/sql/select", S4),
        ("/api/nothing", S4),
        ("/api/v3/servers", S5),
        ("/api/v2/servers", S5),
        ("/api/health", S5),
        ("/", S4),
        ("/dashboard/live", S4),
    ],
)
def test_the_path_decides_the_surface(path: str, surface: Surface) -> None:
    assert surfaces().of(path) is surface


def test_each_surface_keeps_its_shape() -> None:
    assert error_body(S1, 401, "x") == {"error": "Invalid key"}
    assert error_body(S1, 429, "x", retryAfterMs=5, scope="ip") == {
        "error": "Rate limit exceeded",
        "retryAfterMs": 5,
        "scope": "ip",
    }
    assert error_body(S4, 404, "no such path") == {"error": "not_found", "message": "no such path"}
    assert error_body(S3, 404, "no", reason="r") == {
        "error": {"code": "not_found", "message": "no", "details": {"reason": "r"}}
    }
    assert error_body(S5, 404, "no") == {"error": "no", "detail": "no", "status": 404, "code": "not_found"}
    two = error_body(S2, 405, "no", request_id="r", now_ms=0)
    assert two["error"] == {"code": "METHOD_NOT_ALLOWED", "message": "no"}
    assert two["meta"] == {"requestId": "req_454349e422f0", "timestamp": "1970-01-01T00:00:00.000Z"}


@given(st.integers(0, 10**9))
def test_waiting_what_retry_after_says_suffices(milliseconds: int) -> None:
    assert int(retry_after(milliseconds)) * 1000 >= max(1, milliseconds)


def test_credentials_by_surface() -> None:
    headers = [(b"x-api-key", b"legacy"), (b"authorization", b"bearer  token ")]
    assert authentication.s4_public_token(headers) == "legacy"
    assert authentication.s4_public_token([(b"x-public-token", b" public "), *headers]) == "public"
    assert authentication.s4_public_token([(b"x-public-token", b""), *headers]) == "legacy"
    assert authentication.s4_secret(headers) == "legacy"
    assert authentication.s4_secret(headers[1:]) == "token"
    assert authentication.s3_key(headers) == "token"
    assert authentication.s5_key([(b"api-key", b"pf_1")]) == "pf_1"
    assert authentication.bearer([(b"authorization", b"Basic abc")]) == ""


def test_a_repeated_credential_must_not_differ() -> None:
    same = [(b"x-api-key", b"a"), (b"x-api-key", b"a")]
    assert authentication.header(same, b"x-api-key") == "a"
    with pytest.raises(authentication.Ambiguous):
        authentication.header([*same, (b"x-api-key", b"b")], b"x-api-key")


def test_forwarding_is_believed_only_from_trusted_proxies() -> None:
    headers = [
        (b"x-forwarded-for", b"6.6.6.6, 9.9.9.9"),
        (b"x-forwarded-for", b"10.0.0.7"),
        (b"cf-ipcountry", b"de"),
    ]
    nobody, proxies = TrustedProxies(), TrustedProxies(["10.0.0.0/8", "::1"])
    assert nobody.source_ip("10.0.0.1", headers) == "10.0.0.1"
    assert nobody.place("10.0.0.1", headers) == UNKNOWN_PLACE
    assert proxies.source_ip("1.2.3.4", headers) == "1.2.3.4"
    assert proxies.place("1.2.3.4", headers) == UNKNOWN_PLACE
    assert proxies.source_ip("10.0.0.1", headers) == "9.9.9.9"
    assert proxies.place("10.0.0.1", headers).country == "DE"
    assert proxies.source_ip("::1", [(b"x-forwarded-for", b"[2001:db8::1]:443")]) == "2001:db8::1"
    assert proxies.source_ip("10.0.0.1", [(b"x-forwarded-for", b"nonsense")]) == "10.0.0.1"
    assert proxies.place("10.0.0.1", [(b"cf-ipcountry", b"XX"), (b"cf-ipcity", b"\xff")]) == UNKNOWN_PLACE
    with pytest.raises(ValueError, match="network"):
        TrustedProxies(["everything"])


@given(st.binary(max_size=40))
def test_any_forwarding_header_gives_an_address(value: bytes) -> None:
    assert TrustedProxies(["10.0.0.0/8"]).source_ip("10.0.0.1", [(b"x-forwarded-for", value)])


def test_cors() -> None:
    for path in ("/api/events", "/api/realtime", "/api/telemetry", "/api/telemetry/feedback", "/sdk/v1/ping"):
        assert surfaces().client_safe(path)
    for path in ("/api/models", "/api/v1/games", "/api/sql/select", "/api/eventsx", "/server/v1/players/x"):
        assert not surfaces().client_safe(path)
    assert (b"access-control-allow-origin", b"*") in Cors().preflight(b"https://a")
    allowed = (
        dict(Cors().preflight(b"https://a"))[b"access-control-allow-headers"].decode().lower().split(", ")
    )
    documented = {
        "authorization",
        "content-type",
        "x-player-secret",
        "idempotency-key",
        "last-event-id",
        "api-key",
    }
    added_by_clients = {"cache-control", "pragma", "x-requested-with", "traceparent", "tracestate", "baggage"}
    assert documented | added_by_clients <= set(allowed)
    some = Cors(("https://a",))
    assert (b"access-control-allow-origin", b"https://a") in some.preflight(b"https://a")
    assert b"access-control-allow-origin" not in dict(some.expose(b"https://b"))
