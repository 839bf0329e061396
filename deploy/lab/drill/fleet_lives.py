"""Lives of servers as the fleet drill's clients lead them: a start, a restart or a crash, and a stop."""

from __future__ import annotations

import asyncio
import dataclasses
import uuid
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from deploy.lab.drill.counted_calls import PAUSE_SECONDS
from deploy.lab.drill.fleet_clients import Answered, Clients, Json, hear, say
from deploy.lab.drill.fleet_server import CRASH, DIE, Heard

if TYPE_CHECKING:
    import random

REGION: Final = "eu-west"
LIVES: Final = ("plain", "plain", "restart", "restart", "crash", "die", "update", "at once")
"""What happens to a server between its start and its stop."""
RUNNING_SECONDS: Final = 150.0
"""A server that is not running by then, and has not stopped either, is stuck."""
STOPPED_SECONDS: Final = 150.0


@dataclasses.dataclass(slots=True)
class Record:
    """All that clients saw."""

    answered: list[Answered] = dataclasses.field(default_factory=list)
    heard: dict[str, list[Heard]] = dataclasses.field(default_factory=lambda: defaultdict(list))
    """By instance: what it said by UDP."""
    custom_data: dict[str, Json] = dataclasses.field(default_factory=dict)
    """By instance: the last that was accepted."""
    wrong: list[str] = dataclasses.field(default_factory=list)
    """Answers that no contract gives."""
    stuck: list[str] = dataclasses.field(default_factory=list)
    silent: list[str] = dataclasses.field(default_factory=list)
    """Servers that are shown as running and do not answer players."""

    @property
    def instances(self) -> list[str]:
        """Every server that was started."""
        return [one.instance_id for one in self.answered if one.operation == "start_server" and _ok(one)]


class Lives:
    """Leads lives. All choices are the dice's."""

    def __init__(self, clients: Clients, record: Record, dice: random.Random, build: str) -> None:
        self._clients = clients
        self._record = record
        self._dice = dice
        self._build = build

    async def lead(self) -> None:
        """One server from its start to its end."""
        kind = self._dice.choice(LIVES)
        instance_id = await self.start(auto_restart=kind in {"crash", "die"} or self._dice.random() < 0.5)
        if instance_id is None:
            return
        if kind == "at once":
            await asyncio.sleep(self._dice.uniform(0, 1))
        else:
            await self._live(instance_id, kind)
        await self.stop(instance_id)

    async def start(self, *, auto_restart: bool) -> str | None:
        """The id of a new server; None where it was refused."""
        answer = await self._clients.start(
            _key(),
            {
                "name": self._build,
                "region": REGION,
                "compute_size": "micro",
                "version_tag": self._build,
                "auto_restart": auto_restart,
            },
        )
        self._noted(answer, 201)
        return answer.instance_id if _ok(answer) else None

    async def stop(self, instance_id: str) -> None:
        """Stop it, and wait for its end."""
        self._noted(await self._clients.stop(instance_id, _key()), 200)
        await self._until(instance_id, "stopped", STOPPED_SECONDS)

    async def running(self, instance_id: str, restarts: int = 0) -> Json | None:
        """The server, once players can connect to this attempt or a later one; None where it has stopped."""
        deadline = asyncio.get_running_loop().time() + RUNNING_SECONDS
        while True:
            server = await self._clients.server(instance_id)
            if server["status"] == "stopped":
                return None
            if server["status"] == "running" and server["restarts"] >= restarts:
                return server
            if asyncio.get_running_loop().time() > deadline:
                self._record.stuck.append(f"{instance_id} is {server['phase']} of {restarts} restarts")
                return None
            await asyncio.sleep(PAUSE_SECONDS)

    async def speak(self, server: Json) -> bool:
        """Ask it by UDP. One that is silent and still shown as running is noted."""
        instance_id: str = server["instance_id"]
        heard = await hear(server)
        if heard is not None:
            self._record.heard[instance_id].append(heard)
            return True
        shown = await self._clients.server(instance_id)
        if (shown["status"], shown["restarts"]) == ("running", server["restarts"]):
            self._record.silent.append(f"{instance_id} at {server['network_ports'][0]['external_port']}")
        return False

    async def update(self, instance_id: str) -> Json | None:
        """Change its custom data; what it was changed to, None where it was refused."""
        data: Json = {"mark": _key()}
        answer = await self._clients.update(instance_id, _key(), data)
        self._noted(answer, 200, 409)
        if not _ok(answer):
            return None
        self._record.custom_data[instance_id] = data
        return data

    async def _live(self, instance_id: str, kind: str) -> None:
        server = await self.running(instance_id)
        if server is None or not await self.speak(server):
            return
        if kind == "update":
            await self.update(instance_id)
        elif kind == "restart":
            answer = await self._clients.restart(instance_id, _key())
            self._noted(answer, 200, 409)
            if not _ok(answer):
                return
        elif kind in {"crash", "die"}:
            await say(server, CRASH if kind == "crash" else DIE)
        restarts = server["restarts"] + (kind in {"restart", "crash", "die"})
        server = await self.running(instance_id, restarts)
        if server is not None:
            await self.speak(server)
            await asyncio.sleep(self._dice.uniform(0, 2))
            await self.speak(server)

    async def _until(self, instance_id: str, phase: str, seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while (shown := await self._clients.server(instance_id))["phase"] != phase:
            if asyncio.get_running_loop().time() > deadline:
                self._record.stuck.append(f"{instance_id} is {shown['phase']}, not {phase}")
                return
            await asyncio.sleep(PAUSE_SECONDS)

    def _noted(self, answer: Answered, *statuses: int) -> None:
        self._record.answered.append(answer)
        if answer.status not in statuses:
            body: Any = answer.body
            self._record.wrong.append(f"{answer.operation} {answer.instance_id}: {answer.status} {body}")


def _ok(answer: Answered) -> bool:
    return answer.status < 300


def _key() -> str:
    return uuid.uuid4().hex
