"""The life of a server as the contract's table has it, and the sizes it lists."""

from __future__ import annotations

from schemas.fleet.events import SERVER_EVENTS
from schemas.fleet.sizes import COMPUTE_SIZES, REGIONS, SIZES
from schemas.fleet.states import CAUSES, LIVE, PHASES, STATUSES, TRANSITIONS, transitions


def test_every_phase_has_a_status() -> None:
    assert set(STATUSES) == set(PHASES)
    assert {phase for phase, status in STATUSES.items() if status == "stopped"} == {"stopping", "stopped"}
    assert {phase for phase, status in STATUSES.items() if status != "stopped"} == LIVE


def test_every_row_says_events_that_there_are() -> None:
    known = {event.WIRE for event in SERVER_EVENTS}
    for row in TRANSITIONS:
        assert {f"fleet.server-{name}.v1" for name in row.events} <= known
        assert row in transitions(row.phase, row.cause)


def test_nothing_leaves_a_stopped_server_and_every_cause_has_a_row() -> None:
    assert not any(row.phase == "stopped" for row in TRANSITIONS)
    assert {row.cause for row in TRANSITIONS} == set(CAUSES)


def test_live_servers_can_be_stopped_and_restarted() -> None:
    for phase in LIVE:
        assert transitions(phase, "stop")
        assert transitions(phase, "ttl-due")
        assert transitions(phase, "restart")


def test_sizes_and_regions_are_the_references() -> None:
    assert set(SIZES) == set(COMPUTE_SIZES)
    assert (len(COMPUTE_SIZES), len(REGIONS)) == (13, 12)
    assert [SIZES[size].memory_mb for size in COMPUTE_SIZES] == [
        *(512, 1024, 2048, 4096, 8192),
        *(2048, 4096, 8192, 16384),
        *(1024, 2048, 4096, 8192),
    ]
    assert [SIZES[size].cores for size in COMPUTE_SIZES if SIZES[size].dedicated] == [1, 2, 4, 8]
