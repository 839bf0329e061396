"""The fleet drill's judges must see every wrong they are there to see: each is planted here."""

from __future__ import annotations

import asyncio
import io
import signal
import zipfile
from pathlib import Path

import msgspec
import pytest

from deploy.lab.drill.decided_log import Entry
from deploy.lab.drill.fleet_clients import Answered, hear, say
from deploy.lab.drill.fleet_judge import judge_answers, judge_lines, judge_processes, judge_servers
from deploy.lab.drill.fleet_lives import Record
from deploy.lab.drill.fleet_machine import Watch, servers, with_variable
from deploy.lab.drill.fleet_model import Attempt, FleetModel
from deploy.lab.drill.fleet_server import CRASH, CRASHED, DIE, EXECUTABLE, INTERRUPTED, PORT, Heard, archive
from deploy.stack.ports import free_port
from schemas.codec import Message
from schemas.envelope import (
    COMMAND_REJECTED,
    COMMAND_REPEATED,
    CommandRejected,
    CommandRepeated,
    Decided,
    Event,
)
from schemas.fleet import events as ev
from schemas.fleet import names
from schemas.fleet.events import EVENTS
from schemas.fleet.host_views import Host, HostCapacity
from schemas.fleet.limits import PORT_REST_MS
from schemas.fleet.views import Artefact, Image, LaunchSpec, Phase, Port, Server
from streams.fleet.host.processes import Identity

GAME = "game_1"
NONCE, OTHER = "0" * 16, "1" * 16


def server(
    phase: Phase, *, name: str = "one", attempt: int = 1, port: int = 31_000, **fields: object
) -> Server:
    """A server as an event has it."""
    shown: dict[str, object] = {
        "instance_id": name,
        "studio_id": "studio_1",
        "game_id": GAME,
        "name": name,
        "phase": phase,
        "region": "eu-west",
        "compute_size": "micro",
        "version_tag": "build",
        "version": 1,
        "build_id": "build_1",
        "created_at_ms": 0,
        "updated_at_ms": 0,
        "attempt": attempt,
        "host_id": "host",
        "ports": [
            Port(name="game", internal_port=7777, protocol="udp", external_port=port, host="127.0.0.1")
        ],
        **fields,
    }
    return msgspec.convert(shown, Server)


def placed(**fields: object) -> ev.ServerPlaced:
    shown = server("starting", **fields)  # type: ignore[arg-type]
    spec = LaunchSpec(
        studio_id="studio_1",
        game_id=GAME,
        instance_id=shown.instance_id,
        attempt=shown.attempt,
        name=shown.name,
        build=Image(
            build_id="build_1",
            build_type="zip",
            artefact=Artefact(sha256="ab" * 32, size_bytes=1, unpacked_bytes=1, files=1),
        ),
        version_tag="build",
        version=1,
        region="eu-west",
        compute_size="micro",
        cpu_millis=500,
        memory_mb=512,
        ports=shown.ports,
    )
    return ev.ServerPlaced(server=shown, spec=spec)


def decided(*events: Message, at_ms: int = 0, command_id: str = "command") -> Decided:
    return Decided(
        command_id=command_id,
        studio_id="studio_1",
        game_id=GAME,
        keyed=True,
        fingerprint=b"",
        events=[
            Event(type=one.WIRE, aggregate_id="", sequence=0, at_ms=at_ms, data=EVENTS.encode(one))
            for one in events
        ],
    )


def modelled(*told: Decided, memory_mb: int = 1024) -> FleetModel:
    model = FleetModel()
    capacity = HostCapacity(
        regions=["eu-west"],
        cpu_millis=8000,
        memory_mb=memory_mb,
        first_port=31_000,
        last_port=31_999,
        address="127.0.0.1",
        isolation="container",
    )
    host = Host(id="host", epoch=1, status="up", capacity=capacity, joined_at_ms=0, seen_at_ms=0)
    for number, one in enumerate([decided(ev.HostJoined(host=host)), *told]):
        model.fold(f"0@{number}", one)
    return model


READY = decided(
    ev.ServerStarted(server=server("starting")), ev.ServerReady(server=server("running")), at_ms=5
)
STOPPING = decided(ev.ServerStopping(server=server("stopping")))
STOPPED = decided(ev.ServerStopped(server=server("stopped", exit_code=0)), at_ms=9)


def test_a_life_by_the_table() -> None:
    model = modelled(decided(placed()), READY, STOPPING, STOPPED)
    assert model.problems == []
    assert model.attempts == {
        "one-1": Attempt("one", 1, "host", 0, ready_at_ms=5, ended_at_ms=9, exit_code=0, started=True)
    }
    assert model.happened["one"][-1] == ("stopped", "stopped")


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ([decided(placed()), STOPPED], "no row of the life table"),
        ([READY], "no row of the life table"),
        ([decided(placed()), READY, STOPPING, STOPPED, READY], "after it stopped"),
        ([decided(placed()), decided(placed(attempt=2))], "is placed, one has"),
        ([decided(placed(attempt=2))], "the attempt before it never was"),
        ([decided(placed()), decided(placed(name="two"))], "are given twice"),
        ([decided(placed()), decided(placed(name="two", port=31_001))] * 1, "more memory than it has"),
        (
            [
                *(decided(placed()), READY, STOPPING, STOPPED),
                decided(placed(name="two"), at_ms=9 + PORT_REST_MS - 1),
            ],
            "too soon",
        ),
    ],
)
def test_what_no_life_may_be(told: list[Decided], said: str) -> None:
    assert any(said in problem for problem in modelled(*told, memory_mb=512).problems)


def answered(command_id: str = "command", status: int = 201, **fields: object) -> Answered:
    shown = {"instance_id": names.instance_id(command_id), "operation": "start_server", **fields}
    return Answered(command_id=command_id, status=status, body={}, **shown)  # type: ignore[arg-type]


def refused(status: int) -> Decided:
    data = msgspec.msgpack.encode(CommandRejected(status=status, code="x", message="x"))
    event = Event(type=COMMAND_REJECTED, aggregate_id="", sequence=0, at_ms=0, data=data)
    return msgspec.structs.replace(decided(), events=[event])


def test_answers_are_what_the_log_says() -> None:
    repeated = Event(
        type=COMMAND_REPEATED,
        aggregate_id="",
        sequence=0,
        at_ms=0,
        data=msgspec.msgpack.encode(CommandRepeated(first_src=1)),
    )
    fine = [refused(503), decided(placed()), msgspec.structs.replace(decided(), events=[repeated])]
    log = [Entry(0, number, one) for number, one in enumerate(fine)]
    assert judge_answers([answered()], log) == []
    assert judge_answers([answered()], [*log, log[1]])[0].endswith("decided 2 times")
    assert judge_answers([answered()], log[:1])[0].endswith("decided 0 times")
    assert judge_answers([answered(instance_id="other")], log)
    assert judge_answers([answered(status=409)], log)
    assert judge_answers([answered()], [Entry(0, 0, refused(409))])
    assert judge_answers([answered(status=409)], [Entry(0, 0, refused(409))]) == []


def test_what_was_accepted_is_so_in_the_end() -> None:
    name = names.instance_id("command")
    model = modelled(decided(placed(name=name)))
    model.servers[name] = server("stopped", name=name, custom_data='{"mark":"m"}')
    record = Record(answered=[answered()], custom_data={name: {"mark": "m"}})
    assert judge_servers(record, model, GAME) == []
    record.custom_data[name] = {"mark": "other"}
    assert judge_servers(record, model, GAME)
    model.servers[name] = server("running", name=name, custom_data='{"mark":"other"}')
    assert judge_servers(record, model, GAME) == [f"{name} was told to stop and is running"]
    assert judge_servers(Record(), model, GAME) == [f"{name} is in the log, and no client started it"]
    assert judge_servers(Record(answered=[answered()]), FleetModel(), GAME)


def test_processes_that_ran_one_launch_or_beside_each_other() -> None:
    attempts = {
        "one-1": Attempt("one", 1, "host", 0),
        "one-2": Attempt("one", 2, "host", 0),
        "one-3": Attempt("one", 3, "other", 0),
    }
    watch = Watch()
    first, second, third = (Identity(pid, pid, "boot") for pid in (1, 2, 3))
    watch.look({"one-1": {first}})
    watch.look({"one-2": {second}, "one-3": {third}, "another-1": {first}})
    assert judge_processes(watch.seen, watch.together, attempts, {"host": 1}) == []
    assert judge_processes(watch.seen, watch.together, attempts, {"host": 0})
    watch.look({"one-1": {first}, "one-2": {second}})
    assert len(judge_processes(watch.seen, watch.together, attempts, {"host": 1})) == 1
    watch.look({"one-2": {third}})
    assert len(judge_processes(watch.seen, watch.together, attempts, {"host": 1})) == 2


def lines(count: int = 4, *, nonce: str = NONCE, last: str = "last") -> list[str]:
    words = ["begun", *["goes"] * (count - 2), last]
    return [f"1 {nonce} {number} {word}" for number, word in enumerate(words, 1)]


WHOLE = lines()


@pytest.mark.parametrize(
    ("messages", "exit_code", "said"),
    [
        ([*WHOLE[:2], *WHOLE[3:]], 0, "are not 1, 2, 3"),
        ([*WHOLE[:2], *WHOLE[1:]], 0, "are not 1, 2, 3"),
        ([WHOLE[0], WHOLE[2], WHOLE[1], WHOLE[3]], 0, "are not 1, 2, 3"),
        (WHOLE[1:], 0, "are not 1, 2, 3"),
        (WHOLE[:3], 0, "its last line says goes"),
        (WHOLE[:3], 3, "its last line says goes"),
        (WHOLE[:2], 137, "when it was heard"),
        ([*WHOLE, *lines(nonce=OTHER)], 0, "was 2 processes"),
        ([*WHOLE, *WHOLE], 0, "2 beginnings"),
        ([*WHOLE, "2 " + WHOLE[0][2:]], 0, "attempt 2, which the log does not know"),
        ([*WHOLE, "Traceback"], 0, "strange line"),
        ([], 137, "was ready and has no line"),
    ],
)
def test_what_is_wrong_with_lines(messages: list[str], exit_code: int, said: str) -> None:
    attempts = {"one-1": Attempt("one", 1, "host", 0, ready_at_ms=1, exit_code=exit_code)}
    found = judge_lines("one", messages, attempts, [Heard(1, NONCE, 3)])
    assert any(said in problem for problem in found), found


def test_whole_logs() -> None:
    attempts = {"one-1": Attempt("one", 1, "host", 0, ready_at_ms=1, exit_code=0)}
    assert judge_lines("one", WHOLE, attempts, [Heard(1, NONCE, 3)]) == []
    killed = {"one-1": Attempt("one", 1, "host", 0, ready_at_ms=1, exit_code=137)}
    assert judge_lines("one", WHOLE[:3], killed, [Heard(1, NONCE, 3)]) == []
    assert judge_lines("one", [], {"one-1": Attempt("one", 1, "host", 0)}, []) == []


@pytest.mark.parametrize(("said", "code"), [(None, INTERRUPTED), (CRASH, CRASHED), (DIE, -signal.SIGKILL)])
async def test_the_server_that_is_uploaded(tmp_path: Path, said: bytes | None, code: int) -> None:
    """It is seen by its attempt, says how far it has come, and its last line is the last."""
    zipfile.ZipFile(io.BytesIO(archive())).extractall(tmp_path)
    program = tmp_path / EXECUTABLE
    program.chmod(0o755)
    port, attempt = free_port(), f"{tmp_path.name}-1"
    shown = {"network_ports": [{"name": PORT, "host": "127.0.0.1", "external_port": port}]}
    process = await asyncio.create_subprocess_exec(
        str(program),
        env={"QUESTLOG_ATTEMPT": attempt, "QUESTLOG_PORT_GAME": str(port)},
        stdout=asyncio.subprocess.PIPE,
    )
    heard = await hear(shown)
    assert heard is not None
    assert [one.pid for one in servers()[attempt]] == [process.pid]
    assert [pid for pid, _ in with_variable({attempt})] == [process.pid]
    if said is None:
        process.terminate()
    else:
        await say(shown, said)
    assert process.stdout is not None
    told = (await process.stdout.read()).decode().splitlines()
    assert await process.wait() == code
    attempts = {"one-1": Attempt("one", 1, "host", 0, ready_at_ms=1, exit_code=code % 256)}
    assert judge_lines("one", told, attempts, [heard]) == []
    assert told[-1].endswith("last") == (said != DIE)
    assert servers().get(attempt) is None
