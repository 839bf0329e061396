"""Plays the demo: a minute of game time at once, then a few bots in real time, at the lowest priority."""

from __future__ import annotations

import os
import random
import threading
import time
from typing import TYPE_CHECKING, Final

import msgspec

from deploy.lab.demo.game.bot import TEMPERAMENTS
from deploy.lab.demo.game.discord import thread_request
from deploy.lab.demo.game.engine import load
from deploy.lab.demo.game.experiments import as_assigned, ask_variants
from deploy.lab.demo.game.liveops_client import LiveopsClient
from deploy.lab.demo.game.payloads import Player
from deploy.lab.demo.game.playtests import Panel, Playtests
from deploy.lab.demo.game.run import SEND_EVERY_MS, Plans, Run, Seat
from deploy.lab.demo.game.sender import Sender
from deploy.lab.demo.game.servers import Hosting, Servers
from deploy.lab.demo.game.testers import Invitation, link_testers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from deploy.lab.demo.game.payloads import Request
    from deploy.lab.demo.game.sender import Delivered

BUILDS: Final = ("freedoom-0.13.0", "freedoom-0.13.1-hard")
SKILLS: Final = (1, 4)
"""Doom's, of each build: monsters of the second one are more, and hit twice as hard."""
FAST_SECONDS: Final = 60
FAST_SESSIONS: Final = 8
BOTS_MAX: Final = 16
_PEOPLE: Final = (
    ("ada", "EU-West", {"gpu": "Software 160x120", "ram": "8GB", "os": "Linux"}),
    ("grace", "US-East", {"gpu": "Software 160x120", "ram": "16GB", "os": "Win64"}),
    ("katherine", "US-West", {"gpu": "Software 200x150", "ram": "32GB", "os": "Win64"}),
    ("hedy", "EU-Central", {"gpu": "Software 200x150", "ram": "16GB", "os": "Linux"}),
    ("radia", "AP-South", {"gpu": "Software 160x120", "ram": "8GB", "os": "MacOS"}),
    ("margaret", "SA-East", {"gpu": "Software 200x150", "ram": "16GB", "os": "Linux"}),
)


_KINDS: Final = ("public_token", "pl_ik", "pl_mgmt", "lo_live", "lo_srv", "pf")


class Demo(msgspec.Struct, frozen=True):
    """What the bots need of demo.json: where to send, whose game it is, and its credentials."""

    base_url: str
    game_id: str
    keys: dict[str, str]
    panel: Panel
    invitation: Invitation


def read_demo(path: Path) -> Demo:
    """Read demo.json. Raises `FileNotFoundError`, or `ValueError` when it is not of the documented shape."""
    try:
        data = msgspec.json.decode(path.read_bytes())
        game_id = next(game["id"] for game in data["games"] if game["slug"] == "doom")
        keys = {kind: data["keys"][kind] for kind in _KINDS}
        ada, grace = data["keys"]["wpg_pt"][:2]
        panel = Panel(data["base_url"], game_id, data["keys"]["wpg_sk"], (ada, grace))
        invitation = Invitation(data["base_url"], game_id, data["share_url"])
        return Demo(data["base_url"], game_id, keys, panel, invitation)
    except (msgspec.DecodeError, KeyError, TypeError, StopIteration) as error:
        raise ValueError(f"{path} is not a demo.json: {error!r}") from error


def hosting_of(demo: Demo) -> Hosting:
    """What the demo's game servers need of it."""
    return Hosting(demo.base_url, demo.keys["pf"], demo.keys["lo_live"])


def people() -> list[Player]:
    """Who plays the demo."""
    return [
        Player(f"player_{name}", name.capitalize(), region, hardware) for name, region, hardware in _PEOPLE
    ]


def seat(number: int) -> Seat:
    """The bot's place by its number: builds, surfaces and temperaments take turns, people return.

    Every person speaks both surfaces in turn.
    """
    build = number // 2 % len(BUILDS)
    return Seat(
        player=people()[(number + number // len(_PEOPLE)) % len(_PEOPLE)],
        build_id=BUILDS[build],
        skill=SKILLS[build],
        temperament=TEMPERAMENTS[number % len(TEMPERAMENTS)],
        surface="s4" if number % 2 == 0 else "s1",
        environment="playtest" if number % 6 == 5 else "production",
    )


class Table:
    """Where the bots sit: hands out seats by number, and sends what their runs have to say."""

    def __init__(self, demo: Demo, sender: Sender, players: LiveopsClient, stop: threading.Event) -> None:
        self._demo = demo
        self._sender = sender
        self._players = players
        self._stop = stop
        self._dice = random.Random(time.time_ns())  # noqa: S311 - a game's dice
        self._plans = Plans()
        self._number = 0

    def play_fast(self, sessions: int) -> None:
        """Sessions of a minute that ends now, one after the other, as fast as the engine goes."""
        started = int(time.time() * 1000) - FAST_SECONDS * 1000
        for _ in range(sessions):
            run = self._sit(started, FAST_SECONDS * 500)
            try:
                while not run.over and run.now_ms < started + FAST_SECONDS * 1000 and not self._stop.is_set():
                    self._advance(run)
            finally:
                self._send(run.finish())

    def play_live(self, bots: int, seconds: float) -> None:
        """Bots in real time: the one furthest behind the clock plays next."""
        begun = time.monotonic()
        runs: list[Run] = []
        try:
            while time.monotonic() - begun < seconds and not self._stop.is_set():
                while len(runs) < bots:
                    runs.append(self._sit(int(time.time() * 1000), SEND_EVERY_MS))
                run = min(runs, key=lambda candidate: candidate.now_ms)
                early = run.now_ms / 1000 - time.time()
                if early > 0 and self._stop.wait(early):
                    break
                self._advance(run)
                if run.over:
                    runs.remove(run)
                    self._send(run.finish())
        finally:
            for run in runs:
                self._send(run.finish())

    def _sit(self, started_ms: int, send_every_ms: int) -> Run:
        place = seat(self._number)
        self._number += 1
        variants: dict[str, str] = {}
        if place.surface == "s1":
            demo = self._demo
            variants = ask_variants(demo.base_url, demo.keys["pl_ik"], demo.game_id, place)
            place = as_assigned(place, variants)
        self._players.seat(place.player.player_id)
        return Run(
            place,
            self._demo.game_id,
            plans=self._plans,
            random=self._dice,
            started_ms=started_ms,
            send_every_ms=send_every_ms,
            experiments=variants,
        )

    def _advance(self, run: Run) -> None:
        self._send(run.advance())
        feats = run.feats.drain()
        if feats:
            self._players.add(run.seat.player.player_id, feats)

    def _send(self, requests: list[Request]) -> None:
        for request in requests:
            self._sender.put(request)


def play(
    demo: Demo,
    *,
    bots: int,
    seconds: float,
    fast: bool,
    players_file: Path,
    stop: threading.Event,
    tell: Callable[[str], None],
) -> Delivered:
    """Play the fast minute where asked, then `seconds` of real time or until `stop` is set.

    `players_file` keeps the live-ops players' secrets, so that a later call goes on as the same players.
    Raises `DemoUnavailableError` where the engine is missing. Lowers this process's priority for good.
    """
    load()
    os.nice(19)
    sender = Sender(demo.base_url, demo.keys, tell)
    players = LiveopsClient(demo.base_url, demo.keys, players_file, tell)
    table = Table(demo, sender, players, stop)
    playtests = Playtests(demo.panel, tell)
    servers = Servers(hosting_of(demo), tell) if seconds > 0 else None
    # Every second person is a tester: both kinds play from the first moment on.
    linked = link_testers(demo.invitation, people()[::2], tell)
    tell(f"{linked} players are linked to the handles that they redeemed keys under")
    sender.put(thread_request(demo.game_id, BUILDS[1], int(time.time() * 1000)))
    try:
        if fast:
            table.play_fast(FAST_SESSIONS)
            sender.drain(stop)
            tell(f"a minute played {FAST_SESSIONS} times over: {sender.delivered.events} events delivered")
        if seconds > 0:
            table.play_live(min(bots, BOTS_MAX), seconds)
    finally:
        patience_seconds = 5.0 if stop.is_set() else 60.0
        if servers is not None:
            servers.close(patience_seconds)
        playtests.close(patience_seconds)
        sender.close(patience_seconds)
        sender.delivered.moves = players.close(patience_seconds)
    return sender.delivered
