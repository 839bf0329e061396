from __future__ import annotations

from typing import Any

import pytest

from schemas.edge.ports import Game, Limits
from schemas.fleet.commands import ChangeSettings
from schemas.fleet.definitions import declared_settings, limits_of
from schemas.fleet.plans import PLANS
from schemas.fleet.views import PlanLimits, PoolConfig, PortConfig
from schemas.studio.definitions import load_definitions
from schemas.studio.yaml_source import DefinitionInvalid

FILE = """
studio: {slug: demo, name: Demo}
games:
  - slug: doom
    name: Doom
"""
HOSTING = """\
    hosting:
      limits: {activeServers: 40, sizes: null, ttlMax: 7200}
      settings:
        portConfigs: [{name: game, internalPort: 7000, protocol: tcp}]
        poolConfig: {versionTag: duel, regions: {eu-west: {micro: 2}}}
        readiness: sdk
        startupTimeout: 30
        stopGrace: 0
"""


def game(hosting: str) -> Game:
    settings = load_definitions(FILE + hosting).games[0].settings
    return Game(
        id="game_1",
        studio_id="user_1",
        slug="doom",
        name="Doom",
        created_at_ms=0,
        limits=Limits(),
        definition=settings.definition,
    )


def test_a_game_without_the_section_is_as_it_was() -> None:
    plain = game("")
    assert plain.definition == game("    hosting: {limits: {}, settings: {}}\n").definition
    assert "hosting" not in plain.definition
    assert declared_settings("free", plain) == ChangeSettings(limits=PLANS["free"])
    assert limits_of("free", plain) is PLANS["free"] or limits_of("free", plain) == PLANS["free"]
    assert limits_of("indie", None) == PLANS["indie"]


def test_limits_are_the_plan_s_but_for_those_that_are_named() -> None:
    free = PLANS["free"]
    assert limits_of("free", game(HOSTING)) == PlanLimits(
        active_servers=40, builds=free.builds, sizes=None, ttl_max_s=7200, ttl_default_s=free.ttl_default_s
    )


def test_settings_are_those_that_are_named_and_each_declaration_has_its_mark() -> None:
    command = declared_settings("studio", game(HOSTING))
    assert command.port_configs == [PortConfig(name="game", internal_port=7000, protocol="tcp")]
    assert command.pool == PoolConfig(enabled=True, version_tag="duel", regions={"eu-west": {"micro": 2}})
    assert (command.readiness, command.startup_timeout_s, command.stop_grace_s) == ("sdk", 30, 0)
    again = declared_settings("studio", game(HOSTING.replace("activeServers: 40", "activeServers: 41")))
    assert again.declared == command.declared
    other = declared_settings("studio", game(HOSTING.replace("stopGrace: 0", "stopGrace: 1")))
    assert other.declared != command.declared
    only = declared_settings("studio", game("    hosting: {settings: {readiness: ports}}\n"))
    assert (only.port_configs, only.pool, only.variables) == (other.variables,) * 3


OTHER = "{name: a_b, internalPort: 2, protocol: udp}"


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("readiness: sdk", "readiness: soon", "games[0].hosting.settings.readiness"),
        ("readiness: sdk", "environmentVariables: {A: b}", "games[0].hosting.settings.environmentVariables"),
        ("micro: 2", "tiny: 2", "games[0].hosting.settings.poolConfig.regions"),
        ("micro: 2", "micro: 60, small: 60", "games[0].hosting.settings.poolConfig.regions"),
        ("internalPort: 7000", "internalPort: 0", "games[0].hosting.settings.portConfigs[0].internalPort"),
        (
            "protocol: tcp}",
            "protocol: tcp}, {name: game, internalPort: 1, protocol: udp}",
            "games[0].hosting.settings.portConfigs[1].name",
        ),
        (
            "protocol: tcp}",
            "protocol: tcp}, {name: b, internalPort: 7000, protocol: tcp}",
            "games[0].hosting.settings.portConfigs[1].internalPort",
        ),
        (
            "protocol: tcp}",
            "protocol: tcp}, {name: a-b, internalPort: 1, protocol: udp}, " + OTHER,
            "games[0].hosting.settings.portConfigs[2].name",
        ),
        ("ttlMax: 7200", "ttlMax: 7200, ttlDefault: 7300", "games[0].hosting.limits.ttlDefault"),
        ("activeServers: 40", "activeServers: -1", "games[0].hosting.limits.activeServers"),
    ],
)
def test_a_bad_section_names_its_line_and_field(old: str, new: str, field: str) -> None:
    assert old in HOSTING
    with pytest.raises(DefinitionInvalid) as caught:
        load_definitions(FILE + HOSTING.replace(old, new))
    problem: Any = caught.value.problems[0]
    assert problem.field.startswith(field)
    assert problem.line > 5


def test_tls_of_a_declared_port() -> None:
    plain = declared_settings("free", game(HOSTING))
    tls = declared_settings("free", game(HOSTING.replace("protocol: tcp", "protocol: tcp, tlsEnabled: true")))
    assert plain.port_configs == [PortConfig(name="game", internal_port=7000, protocol="tcp")]
    assert tls.port_configs == [PortConfig(name="game", internal_port=7000, protocol="tcp", tls_enabled=True)]
    both = "protocol: tcp, tlsEnabled: true, proxyProtocol: true"
    told = PortConfig(name="game", internal_port=7000, protocol="tcp", tls_enabled=True, proxy_protocol=True)
    assert declared_settings("free", game(HOSTING.replace("protocol: tcp", both))).port_configs == [told]
    with pytest.raises(DefinitionInvalid, match="game has no tlsEnabled"):
        game(HOSTING.replace("protocol: tcp", "protocol: tcp, proxyProtocol: true"))
    with pytest.raises(DefinitionInvalid, match="game is no tcp port"):
        game(HOSTING.replace("protocol: tcp", "protocol: udp, tlsEnabled: true"))
