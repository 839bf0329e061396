"""TLS is ended where a host said that it can: placement and refusals follow from what hosts reported."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from schemas.envelope import CommandRejected
from schemas.fleet import commands as ask
from schemas.fleet import events as ev
from schemas.fleet.commands import Launch
from schemas.fleet.relays import relay_memory_mib
from schemas.fleet.views import PortConfig
from tests.streams.deciders.fleet.given import HOST, Fleet, only
from tests.streams.deciders.fleet.invariants import check

WEB = PortConfig(name="web", internal_port=443, protocol="tcp", tls_enabled=True)
PLAIN = PortConfig(name="web", internal_port=443, protocol="tcp")


def refused(fleet: Fleet, body: Any) -> tuple[int, str | None, str]:
    verdict = fleet.when(body)
    assert isinstance(verdict, CommandRejected), verdict
    return verdict.status, verdict.field, verdict.message


def test_a_start_goes_to_the_host_that_ends_tls() -> None:
    fleet = Fleet(hosts=("a", "b"))
    fleet.join("c", tls=True)
    assert fleet.server(fleet.started()).host_id == "a"
    server = fleet.server(fleet.started(port_configs=[WEB]))
    assert server.host_id == "c"
    assert [port.tls_enabled for port in server.ports] == [True]
    assert fleet.spec(server.instance_id).ports == server.ports


def test_a_port_whose_players_are_told_goes_to_a_host_that_can_tell_them() -> None:
    told = replace(WEB, proxy_protocol=True)
    fleet = Fleet(tls=True)
    status, field, message = refused(fleet, fleet.start(port_configs=[told]))
    assert (status, field) == (422, "port_configs")
    assert message == "the port web has proxy_protocol, but no host in us-east can say who a player is"
    fleet.started(port_configs=[WEB])
    fleet.join("newer", tls=True, proxy_protocol=True)
    server = fleet.server(fleet.started(port_configs=[told]))
    assert server.host_id == "newer"
    assert [port.proxy_protocol for port in fleet.spec(server.instance_id).ports] == [True]


def test_without_a_certificate_in_the_region_a_start_is_refused_and_says_why() -> None:
    fleet = Fleet()
    fleet.join("far", regions=["us-west"], tls=True)
    told = (422, "port_configs", "the port web has tls_enabled, but no host in us-east has a certificate to")
    status, field, message = refused(fleet, fleet.start(port_configs=[PLAIN, WEB]))
    assert (status, field, message.removesuffix(" end TLS with")) == told
    fleet.started(port_configs=[PLAIN])
    fleet.started(port_configs=[WEB], region="us-west")


def test_hosts_with_a_certificate_that_are_full_or_away_are_no_room() -> None:
    fleet = Fleet(tls=True, memory_mb=1024 + relay_memory_mib(1))
    fleet.join("plain")
    fleet.started(port_configs=[WEB])
    assert fleet.refusal(fleet.start(port_configs=[WEB])) == (503, "no_capacity")
    fleet.lose()
    assert fleet.refusal(fleet.start(port_configs=[WEB])) == (503, "no_capacity")
    fleet.join(HOST)  # it has come back without a certificate
    assert fleet.refusal(fleet.start(port_configs=[WEB])) == (422, "invalid")


def test_the_memory_of_a_relay_is_its_host_s_and_comes_free_with_the_server() -> None:
    """64 MiB, and 96 MiB for each port: 1,024 MB of a small server and 256 MB of the relay of two ports."""
    ports = [WEB, replace(WEB, name="api", internal_port=8443), replace(PLAIN, name="more", internal_port=80)]
    fleet = Fleet(tls=True, memory_mb=2 * 1024 + 255)
    fleet.started(port_configs=[PLAIN])
    assert fleet.refusal(fleet.start(port_configs=ports)) == (503, "no_capacity")
    fleet = Fleet(tls=True, memory_mb=2 * 1024 + 256)
    fleet.started(port_configs=[PLAIN])
    server = fleet.running(port_configs=ports)
    assert fleet.host().memory_mb == 2 * 1024 + 256
    fleet.given(ask.StopServer(instance_id=server))
    fleet.exits(server)
    assert fleet.host().memory_mb == 1024
    check(fleet.state)


def test_the_project_s_ports_and_a_restart_s_count_as_well() -> None:
    fleet = Fleet(tls=True)
    fleet.given(ask.ChangeSettings(port_configs=[WEB]))
    server = fleet.running()
    plain = fleet.running(port_configs=[PLAIN])
    fleet.join(HOST)
    assert fleet.refusal(fleet.start()) == (422, "invalid")
    assert fleet.refusal(ask.RestartServer(instance_id=server, limits=fleet.limits)) == (422, "invalid")
    again = ask.RestartServer(instance_id=plain, limits=fleet.limits, launch=Launch(port_configs=[WEB]))
    assert fleet.refusal(again) == (422, "invalid")
    fleet.given(ask.RestartServer(instance_id=plain, limits=fleet.limits))


def test_settings_are_refused_where_no_host_ends_tls_and_a_declaration_waits() -> None:
    fleet = Fleet()
    status, field, message = refused(fleet, ask.ChangeSettings(port_configs=[WEB]))
    assert (status, field) == (422, "port_configs")
    assert "no host of this deployment" in message
    declared = ask.ChangeSettings(port_configs=[WEB], declared="one", limits=fleet.limits)
    assert only(ev.SettingsChanged, fleet.given(declared)).settings.port_configs == [WEB]
    assert fleet.refusal(fleet.start()) == (422, "invalid")
    fleet.join(HOST, tls=True)
    fleet.started()


def test_a_pool_with_tls_fills_once_a_host_ends_it() -> None:
    fleet = Fleet()
    fleet.given(ask.ChangeSettings(port_configs=[WEB], declared="one", limits=fleet.limits))
    fleet.pool(1)
    (waiting,) = fleet.idle()
    assert fleet.server(waiting).phase == "queued"
    fleet.join("two", tls=True)
    assert fleet.server(waiting).host_id == "two"
