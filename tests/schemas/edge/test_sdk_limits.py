"""S3's limits: callers who make players up meet one, honest games don't."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from schemas.edge.limits import read_bucket, s4_bucket, sign_in_bucket, unknown_bucket
from schemas.edge.ports import Counted, Game, Limits, Verdict
from schemas.edge.proxy import counted_address
from schemas.edge.sdk_limits import rate_limit_headers, sdk_calls, server_calls, stream_limits

IPS = ["2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"]


def calls(kind: Any = "write", limits: Limits | None = None, **more: Any) -> dict[str, Counted]:
    asked = {"game_id": "game_1", "key_id": "key_1", "ip": "192.0.2.1", "player": "ann"} | more
    return {call.bucket: call for call in sdk_calls(limits or Limits(), kind, **asked)}


def per_minute(call: Counted) -> float:
    return call.limit * 60_000 / call.period_ms


def let_through(call: Counted, seconds: float) -> float:
    """Of a flood, at most."""
    return call.limit + call.limit * 1000 / call.period_ms * seconds


def test_the_contracts_own_limit_comes_first_and_two_stand_behind_it() -> None:
    first, address, key = calls().values()
    assert (first.bucket, first.limit, first.period_ms) == ("sdk_write:key_1:player:ann", 300, 60_000)
    assert (address.scope, per_minute(address)) == ("address", 36_000)
    assert (key.scope, per_minute(key)) == ("key", 1_200_000)
    shared = calls("read", player="")
    assert next(iter(shared)) == "sdk_read:key_1:ip:192.0.2.1"
    assert next(iter(shared.values())).limit == 600


def test_whoever_makes_players_up_is_stopped() -> None:
    names = [set(calls(register=True, player=f"p{number}")) for number in range(100)]
    shared = set.intersection(*names)
    flood = {bucket: call for bucket, call in calls(register=True).items() if bucket in shared}
    assert min(let_through(call, 20) for call in flood.values()) == 800  # of 12,800 registrations in 20 s
    writes = {bucket: call for bucket, call in calls().items() if bucket in shared}
    assert min(per_minute(call) for call in writes.values()) == 36_000


def test_an_honest_launch_meets_none() -> None:
    address, key = list(calls().values())[1:]
    register = calls(register=True)["sdk_register:game_1:192.0.2.1"]
    assert register.limit >= 500  # a school registers when the lesson begins
    assert address.limit >= 500 * 6  # and every pupil starts, reports and claims at once
    assert per_minute(address) >= 500 * 60  # and then reports every second
    assert per_minute(key) >= 100_000 * 12  # a game with 100,000 players and one key
    (server,) = server_calls(Limits(), key_id="key_s")
    assert (server.bucket, server.limit) == ("server_api:key_s", 6_000)  # the contract's, and no other


def test_a_definition_changes_them_and_what_it_leaves_out_follows_from_the_contracts() -> None:
    given = Limits(sdk_write_address_per_minute=60, sdk_register_address_per_minute=None)
    changed = calls(limits=given, register=True)
    assert "sdk_register:game_1:192.0.2.1" not in changed
    assert per_minute(changed["sdk_write:game_1:192.0.2.1"]) == 60
    assert (
        per_minute(calls(limits=Limits(sdk_write_per_minute=3_000))["sdk_write:game_1:192.0.2.1"]) == 360_000
    )
    unlimited = Limits(sdk_write_per_minute=None, sdk_read_per_minute=None)
    assert calls(limits=unlimited, register=True) == {}
    assert calls("read", unlimited) == {}
    only = Limits(sdk_write_per_minute=None, sdk_write_key_per_minute=6)
    assert list(calls(limits=only)) == ["sdk_write:key_1"]
    assert server_calls(Limits(server_api_per_minute=None), key_id="key_s") == []


def test_a_game_from_before_them_reads_as_before() -> None:
    old = {"id": "g", "studio_id": "s", "slug": "g", "name": "G", "created_at_ms": 1, "limits": {}}
    game = msgspec.convert(old, Game)
    assert game.limits == Limits()
    assert msgspec.to_builtins(Limits()) == {
        "ingest_per_second": 10.0,
        "telemetry_per_minute": 120.0,
        "sdk_read_per_minute": 600.0,
        "sdk_write_per_minute": 300.0,
        "server_api_per_minute": 6000.0,
    }


def test_ipv6_counts_by_its_64() -> None:
    one, other = (set(calls(ip=ip, player="", register=True)) for ip in IPS)
    assert one == other
    assert set(calls(ip="2001:db8:1:3::1", player="")) != set(calls(ip=IPS[0], player=""))
    game = msgspec.convert(
        {"id": "g", "studio_id": "s", "slug": "g", "name": "G", "created_at_ms": 1, "limits": {}}, Game
    )
    for bucket in (read_bucket, sign_in_bucket, unknown_bucket, lambda ip: s4_bucket(game, ip)):
        assert bucket(IPS[0]) == bucket(IPS[1])
        assert bucket(IPS[0]) != bucket("2001:db8:1:3::1")
        assert bucket("192.0.2.1") != bucket("192.0.2.2")
        assert bucket("::ffff:192.0.2.1") == bucket("192.0.2.1")


@pytest.mark.parametrize(
    ("ip", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0:5::6", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("unknown", "unknown"),
        ("not:an:address", "not:an:address"),
        ("", ""),
    ],
)
def test_counted_addresses(ip: str, counted: str) -> None:
    assert counted_address(ip) == counted


def test_streams_have_a_share_for_each_address_and_game() -> None:
    assert stream_limits(Limits()) == (1_000, 2_500)
    assert stream_limits(Limits(streams_address_max=5, streams_game_max=None)) == (5, None)
    assert stream_limits(Limits(sdk_read_per_minute=None)) == (None, None)


def test_headers_tell_the_bucket_that_was_met() -> None:
    headers = rate_limit_headers(
        Verdict(allowed=False, retry_after_ms=1_500, remaining=0, reset_ms=1_501),
        Counted("b", 6_000, 10_000, "address"),
    )
    assert dict(headers) == {
        b"ratelimit-limit": b"6000",
        b"ratelimit-remaining": b"0",
        b"ratelimit-reset": b"2",
    }
