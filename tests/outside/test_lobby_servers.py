"""A live-ops lobby gets a real server when it turns active, names it, and loses it with its window."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.outside.game_builds import HOSTED_REGION, echo_zip, ready_build, upload_build
from tests.outside.projects import Project
from tests.outside.test_fleet import by_udp
from tests.outside.test_s3_lobbies import Arena, forming, until
from tests.outside.world import Json, World, eventually, questlog, unique
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack

WINDOW_S = 30
ROUNDS = 4
"""A lobby near its window's end may get no server in time: its players meet in the next one."""
STUDIO = f"""
studio: {{{{name: Lobby Servers, slug: {{slug}}, plan: studio}}}}
games:
  - slug: arena
    name: Arena
    limits: {{{{sdkWritePerMinute: null, sdkReadPerMinute: null}}}}
    hosting:
      settings:
        stopGrace: 1
        portConfigs:
          - {{{{name: game, internalPort: 7777, protocol: udp}}}}
          - {{{{name: control, internalPort: 7778, protocol: tcp}}}}
    events:
      - eventKey: duel
        name: Duel
        mode: global
        window: {{{{seconds: {WINDOW_S}, from: 2026-01-01T00:00:00Z}}}}
        metrics: {{{{frags: {{{{}}}}}}}}
        scoreFormula: "frags"
        matchmaking:
          size: 2
          fillSeconds: {WINDOW_S}
          server: {{{{region: {HOSTED_REGION}, computeSize: micro, versionTag: {{tag}}, startupArgs: -duel}}}}
"""


@pytest.fixture
def games(world: World, questlog_stack: QuestlogStack, tmp_path: Path) -> tuple[Arena, Project]:
    """A studio's game with a build, as its players and as its server key."""
    slug = unique("lobby-servers-")
    path = tmp_path / "arena.yaml"
    path.write_text(STUDIO.format(slug=slug, tag="duel"))
    questlog(questlog_stack, "apply", str(path), "--yes")

    def key(kind: str) -> str:
        of = ("--studio", slug, "--game", "arena", "--json")
        return str(json.loads(questlog(questlog_stack, "keys", "create", kind, *of))["value"])

    project = Project(world, key("pf"))
    made = upload_build(project, "duel", echo_zip(), "serve")
    project.ok("POST", f"/v3/builds/{made['build_id']}/process", status=202)
    ready_build(project, made["build_id"])
    return Arena(world, key("lo_live")), project


def active_lobby(arena: Arena) -> str:
    """Of two new players."""
    waits = forming(arena.start("duel", unique("p")))
    started = arena.start("duel", unique("p"))
    if started.status_code == 201:
        return str(started.json()["attempt"]["lobbyId"])
    return str(forming(started) or waits)  # the first one's window has ended meanwhile


def heard_of(hosted: Json) -> bytes:
    """What a server answers to a greeting; nothing where its window ended before."""
    try:
        return by_udp(hosted, b"hello", timeout_s=WINDOW_S)
    except OSError:
        return b""


def test_a_lobby_gets_its_server_and_loses_it(
    games: tuple[Arena, Project], questlog_stack: QuestlogStack
) -> None:
    """The worker that asks for servers is killed while it does: there is one, and one only."""
    arena, project = games
    for number in range(ROUNDS):
        lobby_id = active_lobby(arena)
        if number == 0:
            effects = questlog_stack.parts()["worker-effects"]["pid"]
            os.kill(effects, signal.SIGKILL)
        lobby = until(
            lambda: arena.lobby(lobby_id),  # noqa: B023 - called in this round
            lambda lobby: lobby["status"] == "closed" or (lobby["server"] or {}).get("status") == "running",
            seconds=WINDOW_S * 3,
        )
        if lobby["status"] == "active":
            server = lobby["server"]
            hosted = project.ok("GET", f"/v3/servers/{server['instanceId']}")
            heard = heard_of(hosted)
            if arena.lobby(lobby_id)["status"] == "active":  # it was while its server was asked
                break
    else:
        raise AssertionError(f"no lobby of {ROUNDS} had its server while it was active: {lobby}")
    assert (server["region"], server["error"]) == (HOSTED_REGION, None)
    assert {port["name"] for port in server["ports"]} == {"game", "control"}
    assert (hosted["match_id"], hosted["custom_data"]["eventKey"]) == (lobby_id, "duel")
    reached = {port["name"]: (port["host"], port["port"]) for port in server["ports"]}
    assert reached == {
        port["name"]: (port["host"], port["external_port"]) for port in hosted["network_ports"]
    }
    assert heard.endswith(b" hello")

    closed = until(lambda: arena.lobby(lobby_id), lambda one: one["status"] == "closed", seconds=WINDOW_S * 3)
    assert closed["id"] == lobby_id
    ended = eventually(
        lambda: project.ok("GET", f"/v3/servers/{server['instanceId']}"),
        lambda one: one["phase"] == "stopped",
        within_s=60,
    )
    assert ended["stop_reason"] == "LOBBY_CLOSED"
    shown = eventually(lambda: arena.lobby(lobby_id)["server"], lambda one: one["status"] == "stopped")
    assert (shown["ports"], shown["instanceId"]) == ([], server["instanceId"])
    listed = f"/v3/servers?match_id={lobby_id}&status=stopped"
    assert project.ok("GET", listed)["total"] == 1


def test_a_lobby_whose_build_is_missing_says_so(
    world: World, questlog_stack: QuestlogStack, tmp_path: Path
) -> None:
    slug = unique("no-build-")
    path = tmp_path / "arena.yaml"
    path.write_text(STUDIO.format(slug=slug, tag="none").replace(f"seconds: {WINDOW_S}", "every: month"))
    questlog(questlog_stack, "apply", str(path), "--yes")
    of = ("--studio", slug, "--game", "arena", "--json")
    made = questlog(questlog_stack, "keys", "create", "lo_live", *of)
    arena = Arena(world, json.loads(made)["value"])
    lobby_id = active_lobby(arena)
    lobby = until(
        lambda: arena.lobby(lobby_id), lambda one: one["server"]["status"] != "launching", seconds=60
    )
    assert lobby["server"] == {
        "status": "refused",
        "instanceId": None,
        "region": HOSTED_REGION,
        "ports": [],
        "error": "not_found",
    }
