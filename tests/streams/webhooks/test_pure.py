from __future__ import annotations

import hashlib
import hmac
import ipaddress

import pytest

from schemas.studio.definitions_webhooks import url_problem
from schemas.webhooks import KEPT_MS, WebhookTarget, signature, signing_secret
from streams.webhooks.addresses import AddressRefused, CheckedResolver, check_address, is_allowed
from streams.webhooks.backoff import FIRST_MS, LONGEST_MS, next_try_ms

PRIVATE = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"),  # noqa: S104 - refused
    *("224.0.0.1", "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::1"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_refused_however_they_are_written(address: str) -> None:
    assert not is_allowed(ipaddress.ip_address(address), [])


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_allowed(ipaddress.ip_address(address), [])


def test_a_deployment_may_allow_a_network() -> None:
    allowed = [ipaddress.ip_network("10.0.0.0/8")]
    assert is_allowed(ipaddress.ip_address("10.9.9.9"), allowed)
    assert is_allowed(ipaddress.ip_address("::ffff:10.9.9.9"), allowed)
    assert not is_allowed(ipaddress.ip_address("127.0.0.1"), allowed)


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.1"])
async def test_a_name_is_refused_by_what_it_resolves_to(host: str) -> None:
    with pytest.raises(AddressRefused):
        await CheckedResolver([]).resolve(host, 80)


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(AddressRefused):
        check_address("host", "nonsense", [])


def test_pauses_double_with_a_chance_that_is_the_same_each_time() -> None:
    pauses = [next_try_ms("evt_1", attempts, 0, 0) for attempts in range(1, 20)]
    assert pauses == [next_try_ms("evt_1", attempts, 0, 0) for attempts in range(1, 20)]
    for attempts, pause in enumerate(pauses):
        whole = min(FIRST_MS << attempts, LONGEST_MS)
        assert pause is not None
        assert whole / 2 <= pause <= whole
    assert next_try_ms("evt_2", 1, 0, 0) != pauses[0]


def test_the_last_try_is_at_the_end_of_the_day() -> None:
    assert next_try_ms("evt_1", 30, KEPT_MS - 1, 0) == KEPT_MS
    assert next_try_ms("evt_1", 31, KEPT_MS, 0) is None


def test_a_receiver_verifies_with_the_secret_it_was_shown() -> None:
    target = WebhookTarget(game_id="game_1", id="main", url="https://example.org/", events=frozenset())
    secret = signing_secret(b"deployment", target)
    header = signature(secret, 1_800_000_000, b'{"id":"evt_1"}')
    at_s, _, found = header.partition(",v1=")
    wanted = hmac.new(secret.encode(), at_s[2:].encode() + b'.{"id":"evt_1"}', hashlib.sha256).hexdigest()
    assert (at_s, found) == ("t=1800000000", wanted)


def test_secrets_differ_by_game_target_and_name() -> None:
    def secret(game_id: str, identifier: str, name: str, deployment: bytes = b"d") -> str:
        target = WebhookTarget(game_id=game_id, id=identifier, url="", events=frozenset(), secret_name=name)
        return signing_secret(deployment, target)

    secrets = {
        *(secret("g", "t", ""), secret("gt", "", ""), secret("g", "t", "2")),
        *(secret("g2", "t", ""), secret("g", "t", "", b"e")),
    }
    assert len(secrets) == 5


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://example.org/hook?x=1", None),
        ("http://example.org:8080/", None),
        ("ftp://example.org/", "https://"),
        ("https:///path", "host"),
        ("https://me:pw@example.org/", "user"),
        ("https://example.org/#part", "fragment"),
        ("https://example.org:99999/", "no URL"),
        ("https://example.org:0/", "port"),
        ("https://exämple.org/", "ASCII"),
        ("https://xn--exmple-cua.org./", None),
        ("https://my_hooks.example.org/", None),
        ("http://10.0.0.1/", None),
        ("http://[fd00::1]:8080/", None),
        *(
            (f"http://{host}/", "IPv4")
            for host in (
                "127.1",
                "127.0.1",
                "2130706433",
                "0x7f.0.0.1",
                "0x7f000001",
                "0177.0.0.1",
                "127.0.0.01",
            )
        ),
        *((f"http://{host}/", "IPv4") for host in ("127.0.0.1.", "example.0x7f", "1.2.3.4.5", "a.256")),
        *(
            (f"http://{host}/", "no host name")
            for host in ("%31%32%37.org", "a..b", ".", "-a.b", "a\\b", "a,b")
        ),
        *((f"http://[{host}]/", "no") for host in ("fe80::1%25eth0", "127.0.0.1", "v1.x")),
        ("http://good.example\\@127.0.0.1/", "user"),
        ("http://@127.0.0.1/", "user"),
        (f"http://{'a' * 64}.org/", "no host name"),
        (f"http://{'a.' * 127}org/", "no host name"),
        ("https://example.org/ x", "ASCII"),
    ],
)
def test_urls_are_checked_when_they_are_declared(url: str, problem: str | None) -> None:
    found = url_problem(url)
    assert (found is None) if problem is None else (found is not None and problem in found)
