"""A host's attempts as the cluster has them: it watches, creates and ends them. For one event loop.

Each attempt is accompanied by a task of its own: it carries what the pod prints, and asks the pod how it
ended when there is nothing more. One whose end is known before its last line was read has not ended yet.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Final

import msgspec

from streams.fleet.host.agones.cluster import ClusterUnavailable, Refused
from streams.fleet.host.agones.known import ASKED, Known
from streams.fleet.host.agones.manifest import Content
from streams.fleet.host.agones.objects import ATTEMPT, INSTANCE, GameServer
from streams.fleet.host.agones.printed import Printed
from streams.fleet.host.agones.servers import GameServers
from streams.fleet.host.agones.states import seen
from streams.fleet.host.agones.watch import Changed, Deleted, Listed
from streams.fleet.host.attempts import Attempt, Attempts
from streams.fleet.host.driver import CannotStart
from streams.fleet.host.launch import Launch

_log: Final = logging.getLogger(__name__)
_LOOK_S: Final = 1.0
_FLUSH_S: Final = 0.25
_AGAIN_S: Final = 5.0
_GONE_S: Final = 0.2
_KILL_S: Final = 120.0
_DRAIN_S: Final = 10.0
_GRACE_S: Final = 60.0
_STARTUP_S: Final = 600.0


class ClusterAttempts:
    """All of one host. `open` once, then the rest at any time until `close`."""

    def __init__(
        self,
        servers: GameServers,
        attempts: Attempts,
        *,
        content: Callable[[Launch], Awaitable[Content]],
        driver: str,
    ) -> None:
        self.known: dict[str, Known] = {}
        self._servers = servers
        self._attempts = attempts
        self._content = content
        self._driver = driver
        self._documents: dict[str, str] = {}
        self._following: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Finds what an agent before this one has left. Raises ClusterUnavailable, Refused."""
        here = {attempt.id: attempt for attempt in self._attempts}
        for server in await self._servers.find():
            self._find(server, here.get(server.metadata.name))
        self._following = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Nothing is followed any more; what runs goes on."""
        tasks = [self._following, *(task for one in self.known.values() for task in one.tasks())]
        running = [task for task in tasks if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self.known.clear()

    async def create(self, attempt: Attempt) -> None:
        """Makes it. Raises CannotStart; and ClusterUnavailable, where it may have been made or not."""
        document = self._documents.get(attempt.id)
        launch = attempt.launch
        if document is not None:
            launch = msgspec.structs.replace(launch, document=msgspec.json.decode(document))
        made = await self._servers.create(launch, await self._content(launch))
        self._take(attempt, made.server).shown = document if made.new else None
        self.show(attempt.id, self._documents.get(attempt.id))

    async def stop(self, attempt_id: str) -> bool:
        """SIGTERM, and SIGKILL after its grace; False where it is not made yet, or there was no answer."""
        known = self.known.get(attempt_id)
        if known is None:
            return False
        try:
            await self._servers.stop(known.server)
        except (ClusterUnavailable, Refused) as error:
            _log.warning("%s could not be told to stop: %s", attempt_id, error)
            return False
        return True

    async def kill(self, attempt_id: str) -> None:
        """Returns once its object and pod are gone, and what it printed is read as far as it can be.

        Raises CannotStart where the cluster holds it for two minutes, or can't be asked for so long.
        """
        problem: Exception | None = None
        known = self.known.get(attempt_id)
        if known is not None and known.seen.exit_code is not None:
            await self._drained(known)
        try:
            async with asyncio.timeout(_KILL_S):
                while True:
                    try:
                        server = await self._servers.get(attempt_id)
                        if server is None:
                            break
                        await self._servers.kill(server)
                    except (ClusterUnavailable, Refused) as error:
                        _log.warning("%s could not be killed: %s", attempt_id, error)
                        problem = error
                    await asyncio.sleep(_GONE_S)
        except TimeoutError:
            raise CannotStart(f"{attempt_id} can't be killed: {problem or 'the cluster holds it'}") from None
        known = self.known.get(attempt_id)
        if known is not None:
            known.gone = True
            await self._drained(known)

    def show(self, attempt_id: str, document: str | None) -> None:
        """Its server.json is this from now on: now, or with its creation."""
        if document is None:
            return
        self._documents[attempt_id] = document
        known = self.known.get(attempt_id)
        if known is not None and (known.showing is None or known.showing.done()):
            known.showing = asyncio.create_task(self._show(known))

    def forget(self, attempt_id: str) -> None:
        """It is gone, and asked for by no one any more."""
        self._documents.pop(attempt_id, None)
        known = self.known.pop(attempt_id, None)
        for task in known.tasks() if known is not None else ():
            task.cancel()

    def _find(self, server: GameServer, attempt: Attempt | None) -> None:
        """One that is on the cluster. Where its folder was lost with its agent's machine it gets another."""
        name, labels = server.metadata.name, server.metadata.labels
        instance_id, number = labels.get(INSTANCE, ""), labels.get(ATTEMPT, "")
        if not number.isdecimal() or name != f"{instance_id}-{number}":
            _log.warning("the game server %s has labels that are not its own: it is left alone", name)
            return
        if attempt is None:
            launch = Launch(  # what is not known is as long as any server may have it
                instance_id=instance_id,
                attempt=int(number),
                region="",
                command=(),
                cpu_cores=1,
                memory_mib=16,
                readiness="sdk",
                startup_timeout_s=_STARTUP_S,
                stop_grace_s=_GRACE_S,
            )
            attempt = self._attempts.make(launch, driver=self._driver, now_ms=0)
        attempt.mark(ASKED)
        self._take(attempt, server)

    def _take(self, attempt: Attempt, server: GameServer) -> Known:
        known = self.known.get(attempt.id)
        if known is None:
            known = self.known[attempt.id] = Known(attempt, server)
            known.accompanying = asyncio.create_task(self._accompany(known))
        return known

    async def _follow(self) -> None:
        while True:
            try:
                async with aclosing(self._servers.follow()) as changes:
                    async for change in changes:
                        match change:
                            case Listed(servers=servers):
                                await self._listed(servers)
                            case Changed(server=server):
                                await self._changed(server)
                            case Deleted(server=server):
                                self._gone(server.metadata.name)
            except (ClusterUnavailable, Refused) as error:
                _log.error("game servers can't be followed; trying again: %s", error)
                await asyncio.sleep(_AGAIN_S)

    async def _listed(self, servers: list[GameServer]) -> None:
        here = {server.metadata.name for server in servers}
        for name in [name for name, known in self.known.items() if not known.gone and name not in here]:
            # It may have been made after the list was: its own name says so.
            if await self._servers.get(name) is None:
                self._gone(name)
        for server in servers:
            await self._changed(server)

    async def _changed(self, server: GameServer) -> None:
        known = self.known.get(server.metadata.name)
        if known is None or known.gone:
            return
        known.server = server
        failed = seen(server, None, was_ready=False).stage == "failed"
        known.take(await self._servers.pod(server) if failed else None)
        if known.seen.exit_code is not None:
            self._drain(known)

    def _gone(self, name: str) -> None:
        known = self.known.get(name)
        if known is not None:
            known.gone = True
            self._drain(known)

    def _drain(self, known: Known) -> None:
        """A node that died answers no more: what it has not told within a time is lost."""
        if known.draining is None:
            known.draining = asyncio.create_task(self._drained(known))

    async def _accompany(self, known: Known) -> None:
        printed = Printed(known.attempt)
        flushing = asyncio.create_task(_flush(known.attempt, printed))
        try:
            while True:
                last = known.gone or known.seen.exit_code is not None
                try:
                    if known.ran:
                        complete = await self._carry(known, printed)
                        if last and complete:
                            break
                        if not known.gone:
                            known.take(await self._servers.pod(known.server))
                except (ClusterUnavailable, Refused, OSError) as error:
                    _log.warning("what %s prints can't be read: %s", known.attempt.id, error)
                await asyncio.sleep(_LOOK_S)
        finally:
            flushing.cancel()
            known.attempt.noted("the end of what it printed", printed.flush)
            known.drained.set()

    async def _carry(self, known: Known, printed: Printed) -> bool:
        """Whether all that there is was read."""
        printed.begin()
        try:
            async with aclosing(self._servers.printed(known.server, since=printed.since)) as lines:
                async for line in lines:
                    printed.take(line)
        except ClusterUnavailable as error:
            _log.info("what %s prints is asked for again: %s", known.attempt.id, error)
            return False
        finally:
            printed.flush()
        return True

    async def _drained(self, known: Known) -> None:
        try:
            async with asyncio.timeout(_DRAIN_S):
                await known.drained.wait()
        except TimeoutError:
            _log.warning("the end of what %s printed could not be read in time", known.attempt.id)
            known.drained.set()

    async def _show(self, known: Known) -> None:
        while not known.gone:
            document = self._documents.get(known.attempt.id)
            if document is None or document == known.shown:
                return
            try:
                await self._servers.show(known.server, document)
                known.shown = document
            except ClusterUnavailable as error:
                _log.warning("server.json of %s can't be written; trying again: %s", known.attempt.id, error)
                await asyncio.sleep(_AGAIN_S)
            except Refused as error:
                _log.error("server.json of %s can't be written: %s", known.attempt.id, error)
                return


async def _flush(attempt: Attempt, printed: Printed) -> None:
    while True:
        await asyncio.sleep(_FLUSH_S)
        attempt.noted("what it prints", printed.flush)
