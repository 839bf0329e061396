"""The project of `questlog bench fleet`: keys enough for S5's rates, and its calls one by one."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import msgspec

from deploy.lab.bench.load import OrderRefusedError
from deploy.studio_administration import open_administration
from schemas.edge.ports import Game, KeyKind
from schemas.studio.commands import DefinedGame, DefineStudio
from schemas.studio.games import GameSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from deploy.settings import Settings
    from deploy.studio_administration import Administration

STUDIO: Final = "bench-fleet"
"""Its slug. Made once: every run uses it again."""
REGION: Final = "eu-west"
SIZE: Final = "micro"
KEYS: Final = 20
"""Each writes 10 times a second and reads 100 times."""
CONNECTIONS: Final = 128
CALL_SECONDS: Final = 30.0
LIFE_SECONDS: Final = 120.0
"""Within which a server runs, a build is ready, or what was stopped has ended."""
LOOK_SECONDS: Final = 0.01
Json = dict[str, Any]


class Started(msgspec.Struct, frozen=True):
    """A server that runs."""

    instance_id: str
    answered_ms: float
    """From the call to its answer."""
    running_ms: float
    """From the call to the first read that says `running`."""
    server: Json


class Project:
    """Calls S5 for one game. Every failure is an OrderRefusedError that says what was asked."""

    def __init__(self, session: aiohttp.ClientSession, keys: list[str]) -> None:
        self._session = session
        self._keys = itertools.cycle(keys)

    async def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """The body of an answer that succeeds."""
        headers = {"api-key": next(self._keys)}
        if method != "GET":
            headers["idempotency-key"] = uuid.uuid4().hex
        url = f"/api/v3{path}"
        try:
            async with self._session.request(method, url, headers=headers, json=body) as answer:
                if answer.status >= 300:
                    raise OrderRefusedError(f"{method} {path}: {answer.status} {await answer.text()}")
                found: Json = await answer.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OrderRefusedError(f"{method} {path}: {error!r}") from error
        return found

    async def server(self, instance_id: str) -> Json:
        """As it is shown."""
        return await self.call("GET", f"/servers/{instance_id}")

    async def start(self, build: str, **fields: Any) -> tuple[Json, float]:
        """The answer to a start, and after how many milliseconds it came."""
        body = {"name": "bench", "region": REGION, "compute_size": SIZE, "version_tag": build, **fields}
        begun = time.perf_counter()
        made = await self.call("POST", "/servers/start", body)
        return made, (time.perf_counter() - begun) * 1000

    async def run(self, build: str, **fields: Any) -> Started:
        """Start a server and read it until it runs."""
        begun = time.perf_counter()
        made, answered_ms = await self.start(build, **fields)
        server = await self.until_running(made["instance_id"])
        running_ms = (time.perf_counter() - begun) * 1000
        return Started(made["instance_id"], answered_ms, running_ms, server)

    async def until_running(self, instance_id: str, fits: Callable[[Json], bool] = lambda _: True) -> Json:
        """The server once it runs and `fits`."""
        deadline = time.monotonic() + LIFE_SECONDS
        while True:
            server = await self.server(instance_id)
            if server["status"] == "running" and fits(server):
                return server
            if server["status"] == "stopped":
                raise OrderRefusedError(f"server {instance_id} stopped by itself: {server['stop_reason']}")
            if time.monotonic() > deadline:
                raise OrderRefusedError(f"server {instance_id} does not run after {LIFE_SECONDS:.0f} s")
            await asyncio.sleep(LOOK_SECONDS)

    async def live(self) -> list[Json]:
        """At most 100 of the servers that are not stopped, the pool's too."""
        path = "/servers?include_launching=true&include_pool=true&limit=100"
        found: list[Json] = (await self.call("GET", path))["servers"]
        return found

    async def stop(self) -> None:
        """Stop every server, and return when the last of them has ended."""
        deadline = time.monotonic() + LIFE_SECONDS
        while live := await self.live():
            if time.monotonic() > deadline:
                raise OrderRefusedError(f"{len(live)} servers do not end")
            await asyncio.gather(*(self.call("DELETE", f"/servers/{one['instance_id']}") for one in live))
        while stopping := await self._stopping():
            if time.monotonic() > deadline:
                raise OrderRefusedError(f"{stopping} servers do not end")
            await asyncio.sleep(0.2)

    async def pool(self, build: str, size: int) -> None:
        """Keep so many servers ready."""
        body = {"enabled": True, "version_tag": build, "regions": {REGION: {SIZE: size}}}
        await self.call("POST", "/projects/settings", {"pool_config": body})

    async def no_pool(self) -> None:
        """Keep none ready."""
        await self.call("POST", "/projects/settings", {"pool_config": {"enabled": False}})

    async def until_pooled(self, size: int) -> None:
        """Return once so many servers wait to be claimed."""
        deadline = time.monotonic() + LIFE_SECONDS
        while True:
            waiting = [
                one
                for one in await self.live()
                if one["is_pool_server"] and one["pool_claimed_at"] is None and one["status"] == "running"
            ]
            if len(waiting) >= size:
                return
            if time.monotonic() > deadline:
                raise OrderRefusedError(f"the pool has {len(waiting)} of {size} servers")
            await asyncio.sleep(0.1)

    async def upload(self, name: str, executable: str, archive: bytes) -> str:
        """The id of a build whose archive is uploaded."""
        path = f"/builds/upload-url?name={name}&executable_path={executable}"
        made = await self.call("POST", path)
        build_id: str = made["build_id"]
        async with self._session.put(
            made["upload_url"], data=io.BytesIO(archive), timeout=aiohttp.ClientTimeout(total=LIFE_SECONDS)
        ) as answer:
            if answer.status != 201:
                raise OrderRefusedError(f"the upload of {name}: {answer.status} {await answer.text()}")
        return build_id

    async def process(self, build_id: str) -> float:
        """Seconds from the call to the first read that says `ready`."""
        begun = time.perf_counter()
        await self.call("POST", f"/builds/{build_id}/process")
        deadline = time.monotonic() + LIFE_SECONDS
        while (build := await self.call("GET", f"/builds/{build_id}"))["status"] == "processing":
            if time.monotonic() > deadline:
                raise OrderRefusedError(f"build {build_id} is not ready after {LIFE_SECONDS:.0f} s")
            await asyncio.sleep(LOOK_SECONDS)
        if build["status"] != "ready":
            raise OrderRefusedError(f"build {build_id} is {build['status']}: {build['error']}")
        return time.perf_counter() - begun

    async def clear(self) -> None:
        """No pool, no server and no build is left, of earlier runs either."""
        await self.no_pool()
        await self.stop()
        while builds := (await self.call("GET", "/builds?limit=100"))["builds"]:
            await asyncio.gather(*(self.call("DELETE", f"/builds/{one['build_id']}") for one in builds))

    async def _stopping(self) -> int:
        """How many of the newest stopped servers still have a process."""
        page = await self.call("GET", "/servers?status=stopped&include_pool=true&limit=100")
        return sum(one["phase"] == "stopping" for one in page["servers"])


@contextlib.asynccontextmanager
async def open_project(configured: Settings, base_url: str) -> AsyncIterator[Project]:
    """The only game of `STUDIO`, without what a run that died has left. One run at a time.

    At the end its servers have ended, its builds are deleted and its keys revoked.
    """
    async with open_administration(configured) as opened:
        game = await _game(opened)
        await _revoke_keys(opened, game)
        keys = await asyncio.gather(
            *(
                opened.create_key(KeyKind.HOSTING_SERVER, studio_id=game.studio_id, game_id=game.id)
                for _ in range(KEYS)
            )
        )
    try:
        async with aiohttp.ClientSession(
            base_url,
            timeout=aiohttp.ClientTimeout(total=CALL_SECONDS),
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
        ) as session:
            project = Project(session, [key.value for key in keys])
            await project.clear()
            try:
                yield project
            finally:
                await project.clear()
    finally:
        async with open_administration(configured) as opened:
            await _revoke_keys(opened, game)


async def _game(opened: Administration) -> Game:
    """The studio's game, made where it is not there yet."""
    studio = await opened.queries.studio_by_slug(STUDIO)
    if studio is None:
        defined = DefinedGame(id=None, settings=GameSettings(slug="game", name="Game"))
        await opened.define(DefineStudio(slug=STUDIO, name=STUDIO, plan="studio", games=[defined]))
        studio = await opened.queries.studio_by_slug(STUDIO)
    if studio is None:
        raise OrderRefusedError(f"studio {STUDIO} is not there after it was applied")
    (game,) = await opened.queries.games(studio.id)
    return game


async def _revoke_keys(opened: Administration, game: Game) -> None:
    keys = await opened.queries.keys(game.studio_id)
    await asyncio.gather(*(opened.revoke_key(key.key_id, studio_id=game.studio_id) for key in keys))
