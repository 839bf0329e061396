"""Room is promised once: memory, a quarter of the CPU, cores, ports."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.fleet import commands as ask
from schemas.fleet import events as ev
from schemas.fleet.host_commands import DrainHost
from schemas.fleet.sizes import ComputeSize
from schemas.fleet.views import PortConfig, SealedVariable
from streams.deciders.fleet.noun import FLEET
from tests.streams.deciders.fleet.given import HOST, Fleet, only
from tests.streams.deciders.fleet.invariants import check


@pytest.mark.parametrize(
    ("size", "room", "fitting"),
    [
        ("small", {"memory_mb": 3 * 1024}, 3),
        ("small", {"memory_mb": 3 * 1024 - 1}, 2),
        ("micro", {"cpu_millis": 500}, 4),  # a quarter of 500 each
        ("dedicated-medium", {"cpu_millis": 5000}, 2),
        ("small", {"last_port": 31_002}, 3),
    ],
)
def test_a_host_takes_what_it_has_room_for(size: ComputeSize, room: dict[str, Any], fitting: int) -> None:
    fleet = Fleet(**room)
    for _ in range(fitting):
        fleet.started(compute_size=size)
    assert fleet.refusal(fleet.start(compute_size=size)) == (503, "no_capacity")


def test_memory_may_be_promised_twice_where_the_deployment_says_so() -> None:
    fleet = Fleet(memory_mb=1024, overcommit=True)
    for _ in range(5):
        fleet.started()


def test_memory_is_promised_twice_after_that_of_all_others_and_of_the_least_promised_host_first() -> None:
    fleet = Fleet(hosts=("a", "b", "c"), memory_mb=1024, overcommit=True)
    fleet.join("c", memory_mb=1024)
    chosen = [fleet.server(fleet.started(compute_size="micro")).host_id for _ in range(10)]
    assert chosen == ["a", "a", "b", "b", "c", "c", "a", "b", "a", "b"]


def test_dedicated_servers_have_cores_of_their_own() -> None:
    fleet = Fleet(cpu_millis=8000)
    first = fleet.started(compute_size="dedicated-medium")
    second = fleet.started(compute_size="dedicated-large")
    assert (fleet.spec(first).cores, fleet.spec(second).cores) == ([0, 1], [2, 3, 4, 5])
    for _ in range(8):
        fleet.started(compute_size="small")  # 250 each of the two that are left
    assert fleet.refusal(fleet.start(compute_size="micro")) == (503, "no_capacity")


def test_which_host_is_chosen() -> None:
    fleet = Fleet(hosts=("b", "a", "c"))
    build = fleet.build("default")
    first = fleet.started()
    assert fleet.server(first).host_id == "a"  # all alike: by id
    assert fleet.server(fleet.started()).host_id == "a"  # the least free memory
    assert build.artefact is not None
    fleet.told(host_id="c", builds=[build.artefact.sha256])
    assert fleet.server(fleet.started()).host_id == "c"  # it holds the build


def test_a_host_that_was_not_seen_lately_gets_nothing() -> None:
    fleet = Fleet()
    fleet.at_ms += 15_000
    fleet.started()
    fleet.at_ms += 1
    assert fleet.refusal(fleet.start()) == (503, "no_capacity")
    assert fleet.refusal(fleet.start(region="sea")) == (503, "no_capacity")
    fleet.told()
    fleet.started()
    fleet.given(DrainHost(host_id=HOST, epoch=1))
    assert fleet.refusal(fleet.start()) == (503, "no_capacity")


def test_ports_go_round_and_rest_for_a_minute() -> None:
    fleet = Fleet(last_port=31_003)
    first = fleet.running()
    fleet.given(ask.StopServer(instance_id=first))
    fleet.exits(first)
    given = [fleet.server(fleet.started()).ports[0].external_port for _ in range(3)]
    assert given == [31_001, 31_002, 31_003]
    assert fleet.refusal(fleet.start()) == (503, "no_capacity")
    fleet.later(59.999)
    assert fleet.refusal(fleet.start()) == (503, "no_capacity")
    fleet.at_ms += 1
    assert fleet.server(fleet.started()).ports[0].external_port == 31_000


def test_ten_thousand_servers_after_each_other_leak_no_port() -> None:
    fleet = Fleet(last_port=31_009)
    ports = [PortConfig(name=f"p{number}", internal_port=number + 1, protocol="udp") for number in range(10)]
    exhausted = 0
    for cycle in range(10_000):
        start = fleet.start(port_configs=ports if cycle % 2 else ports[:1])
        placed = fleet.folded(start)
        if placed is None:
            exhausted += 1
            fleet.at_ms += 60_000
            fleet.folded(fleet.reports())
            placed = fleet.folded(start)
        instance_id = only(ev.ServerPlaced, placed or []).server.instance_id
        fleet.folded(ask.StopServer(instance_id=instance_id))
        fleet.folded(fleet.reports(fleet.report(instance_id, "exited")))
    check(fleet.state)
    host = fleet.host()
    assert exhausted > 1000
    assert (len(host.used_ports), host.memory_mb, host.cpu_millis, host.spec_bytes) == (0, 0, 0, 0)
    assert len(host.resting_ports) == 10
    assert not fleet.state.servers


def test_specs_that_fill_a_record_fill_a_host() -> None:
    fleet = Fleet(memory_mb=10**6, cpu_millis=10**6)
    large = [SealedVariable(f"V{number}", "x" * 5500) for number in range(64)]
    started = 0
    while isinstance(fleet.when(fleet.start(variables=large)), tuple):
        fleet.started(variables=large)
        started += 1
    assert started == 8
    fleet.started()
    lost = fleet.lose()
    assert sum(len(FLEET.events.encode(event)) for event in lost) < 15 * 2**20
    joined = fleet.join()
    assert len(FLEET.events.encode(joined)) < 15 * 2**20
