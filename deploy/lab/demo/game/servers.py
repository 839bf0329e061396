"""The demo's game servers, by S5: two that are kept, a pool of one, and one for each match of two players.

The build is Debian's teeworlds-server, or a small server of our own where that isn't installed. A match is a
live-ops lobby: its server is launched when it turns active, and stopped by the studio once the match is over.
"""

from __future__ import annotations

import io
import random
import tempfile
import threading
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import msgspec

from deploy.lab.example_builds import EXECUTABLE, TEEWORLDS, NotInstalled

if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT_SECONDS: Final = 30
LOOK_SECONDS: Final = 20.0
"""Between two looks at what is kept; a match is played in each, once there is a build."""
MATCH_SECONDS: Final = 60.0
LAUNCH_SECONDS: Final = 60.0
REPORTS: Final = 10
"""Of each player in a match; the event's target is one frag each."""
BUILDS_MAX: Final = 3
"""A build that fails is uploaded again so often, restarts of the demo included."""
BUILD: Final = "arena"
EVENT: Final = "arena"
REGION: Final = "eu-west"
SIZE: Final = "micro"
KEPT: Final = ("Freedoom EU 1", "Freedoom EU 2")
PLAYERS: Final = ("arena_ada", "arena_grace")
_LISTED: Final = "/api/v3/servers?include_launching=true&limit=100"
_ECHO: Final = b"""#!/usr/bin/env python3
import os, socket
here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
here.bind(("0.0.0.0", int(os.environ["QUESTLOG_PORT_GAME"])))
print("listening", flush=True)
while True:
    said, player = here.recvfrom(2000)
    here.sendto(said, player)
"""


class Hosting(msgspec.Struct, frozen=True):
    """Where the game's servers and lobbies are asked for, and with which keys."""

    base_url: str
    server_key: str
    sdk_key: str


class Servers:
    """Keeps servers and plays matches in a thread of its own. Nothing it meets ends the game."""

    def __init__(self, hosting: Hosting, tell: Callable[[str], None]) -> None:
        self._hosting = hosting
        self._tell = tell
        self._told: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="demo-servers", daemon=True)
        self._thread.start()

    def close(self, patience_seconds: float) -> None:
        """Begin nothing more, and wait for what is under way."""
        self._stop.set()
        self._thread.join(patience_seconds)

    def _work(self) -> None:
        with httpx.Client(base_url=self._hosting.base_url, timeout=TIMEOUT_SECONDS) as http:
            studio = Studio(self._hosting, http, self._stop.wait)
            while not self._stop.is_set():
                try:
                    if studio.has_build(build_zip):
                        studio.keep()
                        studio.play()
                except (httpx.HTTPError, KeyError, ValueError, OSError) as error:
                    self._say(f"game servers wait: {error}")
                self._stop.wait(LOOK_SECONDS)

    def _say(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            self._tell(message)


def build_zip() -> bytes:
    """The build's archive."""
    with tempfile.TemporaryDirectory(prefix="questlog-demo-") as folder:
        file = Path(folder) / "build.zip"
        try:
            TEEWORLDS.write_zip(file)
        except NotInstalled:
            return echo_zip()
        return file.read_bytes()


def echo_zip() -> bytes:
    """The archive of a server that says everything again."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(EXECUTABLE, _ECHO)
    return packed.getvalue()


class Studio:
    """The studio's server beside the game. Raises httpx.HTTPError for whatever is not a success.

    `wait` waits for so many seconds, and says whether the demo stops.
    """

    def __init__(
        self,
        hosting: Hosting,
        http: httpx.Client,
        wait: Callable[[float], bool],
        *,
        players: tuple[str, ...] = PLAYERS,
    ) -> None:
        self._hosting = hosting
        self._http = http
        self._wait = wait
        self._players = players
        self._dice = random.Random()  # noqa: S311 - a game's dice

    def has_build(self, archive: Callable[[], bytes]) -> bool:
        """Whether servers can be started; uploads a build where there is none. One may be in the making."""
        builds = self._fleet("GET", f"/api/v3/builds?name={BUILD}")["builds"]
        statuses = [build["status"] for build in builds]
        if "ready" in statuses:
            return True
        if "processing" not in statuses and len(builds) < BUILDS_MAX:
            path = f"/api/v3/builds/upload-url?name={BUILD}&executable_path={EXECUTABLE}"
            made = self._fleet("POST", path)
            self._http.put(made["upload_url"], content=archive()).raise_for_status()
            self._fleet("POST", f"/api/v3/builds/{made['build_id']}/process")
        return False

    def keep(self) -> None:
        """Two servers, and a pool of one. A pool that was set up otherwise stays."""
        if not self._fleet("GET", "/api/v3/projects/settings")["pool_config"]["enabled"]:
            pool = {"enabled": True, "regions": {REGION: {SIZE: 1}}, "version_tag": BUILD}
            self._fleet("POST", "/api/v3/projects/settings", pool_config=pool)
        there = {server["name"] for server in self._fleet("GET", _LISTED)["servers"]}
        for name in KEPT:
            if name not in there:
                self._fleet(
                    "POST",
                    "/api/v3/servers/start",
                    name=name,
                    region=REGION,
                    compute_size=SIZE,
                    version_tag=BUILD,
                    auto_restart=True,
                )

    def play(self, seconds: float = MATCH_SECONDS) -> dict[str, Any] | None:
        """One match: the lobby's server, as it ran; None where it got none."""
        attempts = self._start()
        if attempts is None:
            return None
        lobby_id = next(iter(attempts.values()))["lobbyId"]
        server = self._launched(lobby_id)
        for _ in range(REPORTS):
            for player, attempt in attempts.items():
                report = {"mode": "increment", "metrics": {"frags": self._dice.randint(1, 3)}}
                self._player("POST", f"{player}/events/{EVENT}/attempts/{attempt['id']}/progress", report)
            if self._wait(seconds / REPORTS if server["status"] == "running" else 0):
                break
        if server["instanceId"] is None:
            return None
        self._fleet("DELETE", f"/api/v3/servers/{server['instanceId']}?shutdown_reason=match%20over")
        return server

    def _start(self) -> dict[str, Any] | None:
        """Each player's attempt, in one lobby; None where a window has ended between them."""
        attempts: dict[str, Any] = {}
        for player in (*self._players, *self._players[:-1]):  # the last one makes the lobby full
            if player not in attempts:
                answer = self._player("POST", f"{player}/events/{EVENT}/start", {})
                if answer.status_code == 201:
                    attempts[player] = answer.json()["attempt"]
        lobbies = {attempt["lobbyId"] for attempt in attempts.values()}
        return attempts if len(attempts) == len(self._players) and len(lobbies) == 1 else None

    def _launched(self, lobby_id: str) -> dict[str, Any]:
        """The lobby's server once it runs, or whatever became of it by then."""
        for _ in range(int(LAUNCH_SECONDS)):
            lobby = self._get(f"/sdk/v1/lobbies/{lobby_id}").json()["lobby"]
            server: dict[str, Any] = lobby["server"]
            if server["status"] != "launching" or self._wait(1.0):
                break
        return server

    def _player(self, method: str, path: str, body: dict[str, Any]) -> httpx.Response:
        """A refusal of what has ended meanwhile is an answer."""
        headers = {"authorization": f"Bearer {self._hosting.sdk_key}"}
        answer = self._http.request(method, f"/sdk/v1/players/{path}", json=body, headers=headers)
        return answer if answer.status_code == 409 else _succeeded(answer)

    def _get(self, path: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {self._hosting.sdk_key}"}
        return _succeeded(self._http.get(path, headers=headers))

    def _fleet(self, method: str, path: str, **body: Any) -> Any:
        headers = {"api-key": self._hosting.server_key}
        return _succeeded(self._http.request(method, path, json=body or None, headers=headers)).json()


def _succeeded(answer: httpx.Response) -> httpx.Response:
    if not answer.is_success:
        asked = answer.request
        raise httpx.HTTPError(f"{asked.method} {asked.url.path}: {answer.status_code} {answer.text[:200]}")
    return answer
