from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from streams.fleet.host.place import (
    SEATS,
    SLOTS,
    NoPlace,
    Seat,
    address_range,
    give_back,
    keep_slot,
    take_slot,
)


def test_no_two_seats_share_an_address_or_a_user() -> None:
    ranges = [address_range(slot) for slot in range(SLOTS)]
    assert all(network.subnet_of(ipaddress.IPv4Network("10.64.0.0/10")) for network in ranges)
    assert len(set(ranges)) == SLOTS
    seats = [Seat(slot, index) for slot in (0, 1, SLOTS - 1) for index in (0, 1, SEATS - 1)]
    assert len({seat.address for seat in seats} | {seat.gateway for seat in seats}) == 2 * len(seats)
    assert len({seat.mac for seat in seats} | {seat.host_mac for seat in seats}) == 2 * len(seats)
    assert len({seat.uid for seat in seats}) == len(seats)
    assert len({seat.device for seat in seats}) == len(seats)
    assert all(len(seat.device) < 16 for seat in seats)


def test_a_root_keeps_its_slot_and_no_other_gets_it(tmp_path: Path) -> None:
    roots = [tmp_path / name for name in "abcd"]
    for root in roots:
        root.mkdir()
    registry = tmp_path / "registry"
    slots = [take_slot(root, registry=registry) for root in roots]
    assert len(set(slots)) == len(roots)
    assert [take_slot(root, registry=registry) for root in roots] == slots
    give_back(slots[0], registry=registry)
    give_back(slots[0], registry=registry)
    assert take_slot(roots[0], registry=registry) == slots[0]


def test_a_slot_that_was_given_back_is_kept_unless_another_root_has_it(tmp_path: Path) -> None:
    registry, mine, theirs = (tmp_path / name for name in ("registry", "mine", "theirs"))
    mine.mkdir()
    theirs.mkdir()
    slot = take_slot(mine, registry=registry)
    keep_slot(slot, mine, registry=registry)
    give_back(slot, registry=registry)
    keep_slot(slot, mine, registry=registry)
    assert take_slot(mine, registry=registry) == slot
    with pytest.raises(NoPlace, match="start the agent again"):
        keep_slot(slot, theirs, registry=registry)
    mine.rmdir()
    keep_slot(slot, theirs, registry=registry)
    assert take_slot(theirs, registry=registry) == slot


def test_the_slot_of_a_root_that_is_gone_is_free_again(tmp_path: Path) -> None:
    registry = tmp_path / "registry"
    registry.mkdir()
    for slot in range(SLOTS):
        (registry / f"slot-{slot}").write_text("/")
    with pytest.raises(NoPlace, match="all 1024 slots"):
        take_slot(tmp_path, registry=registry)
    (registry / "slot-77").write_text(str(tmp_path / "gone"))
    assert take_slot(tmp_path, registry=registry) == 77
