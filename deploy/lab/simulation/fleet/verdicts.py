"""What must be true of the fleet at rest: of every event, of machines, and of the store."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from deploy.lab.drill.fleet_model import HELD, FleetModel
from projections.fleet import keys
from schemas.fleet import names
from schemas.fleet.commands import StartServer
from schemas.fleet.host_views import Host
from schemas.fleet.views import Server
from streams.fleet.host.wanted import attempt_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from deploy.lab.simulation.fleet.machine import Machine
    from deploy.lab.simulation.stage import Stage
    from schemas.codec import Message
    from schemas.envelope import Outcome

NOT_REMEMBERED: Final = frozenset({403, 503})
"""Refusals of a start after which the same key may succeed."""


class Answered(NamedTuple):
    """A client's write, and the definite answer."""

    command_id: str
    game_id: str
    command: Message
    outcome: Outcome


def history(stage: Stage) -> FleetModel:
    """All events that count, in the order of each partition."""
    model = FleetModel()
    for partition in range(stage.partitions):
        for record, events in stage.accepted(partition):
            for decided in events.decided:
                model.fold(f"{partition}@{record.offset}", decided)
    return model


def problems(stage: Stage, answered: Iterable[Answered], machines: Iterable[Machine]) -> list[str]:
    """Every promise that does not hold, a line each."""
    model = history(stage)
    return [
        *model.problems,
        *_of_answers(model, answered),
        *_of_machines(model, machines),
        *_of_rows(model, stage.redis.live.values),
    ]


def _of_answers(model: FleetModel, answered: Iterable[Answered]) -> Iterator[str]:
    """A start that was answered with success is a server of its project; one that was refused is none."""
    for one in answered:
        if isinstance(one.command, StartServer):
            own = model.servers.get(names.instance_id(one.command_id))
            if one.outcome.status == 201:
                told = msgspec.msgpack.decode(one.outcome.body)["server"]["instance_id"]
                there = model.servers.get(told)
                if there is None or there.game_id != one.game_id:
                    yield f"{told} was answered and is not there"
            elif own is not None and one.outcome.status not in NOT_REMEMBERED:
                yield f"{own.instance_id} was refused with {one.outcome.status} and is there"


def _of_machines(model: FleetModel, machines: Iterable[Machine]) -> Iterator[str]:
    """No orphan, and nothing that should run is missing."""
    wanted: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for server in model.servers.values():
        if server.phase in HELD:
            name = attempt_id(server.instance_id, server.attempt)
            wanted[server.host_id or ""][server.phase].add(name)
    for machine in machines:
        of_host, runs = wanted[machine.host_id], machine.running
        orphans = runs - of_host["running"] - of_host["starting"] - of_host["stopping"]
        if orphans:
            yield f"{machine.host_id} runs {sorted(orphans)}, which the log does not want"
        missing = of_host["running"] - runs
        if missing:
            yield f"{machine.host_id} does not run {sorted(missing)}"


def _of_rows(model: FleetModel, values: Mapping[str, Any]) -> Iterator[str]:
    """What the store shows is what happened last, and what waits for time is what has one."""
    for name, server in model.servers.items():
        shown = msgspec.msgpack.decode(values[keys.server_key(name)], type=Server)
        if shown != server:
            yield f"{name} is shown as {shown.phase} of attempt {shown.attempt}, it is {server.phase}"
    hosts = {name: msgspec.msgpack.decode(row, type=Host) for name, row in values.get(keys.HOSTS, {}).items()}
    if hosts != model.hosts:
        yield f"hosts are shown as {hosts}"
    waits = {
        **{
            keys.due_member("server", one.studio_id, one.game_id, one.instance_id): one.due_at_ms
            for one in model.servers.values()
        },
        **{
            keys.due_member("build", one.studio_id, one.game_id, one.id): one.due_at_ms
            for one in model.builds.values()
        },
        **{keys.due_member("host", "", "", one.id): one.due_at_ms for one in model.hosts.values()},
        **model.pauses,
    }
    wanted = {member: float(at_ms) for member, at_ms in waits.items() if at_ms is not None}
    found: dict[str, float] = values.get(keys.DUES, {})
    if wanted != found:
        yield f"waits for time: {sorted(found.items() ^ wanted.items())}"
