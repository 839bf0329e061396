"""What hosts tell stays readable as it was stored."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from schemas.fleet.telemetry import (
    BuildLine,
    FleetRecord,
    Line,
    Sample,
    decode_fleet_record,
    encode_fleet_record,
)

GOLDEN = Path(__file__).parents[3] / "schemas" / "golden" / "fleet" / "fleet-record.v1"


def test_the_example_is_read_and_written_again_byte_for_byte() -> None:
    stored = msgspec.msgpack.encode(msgspec.json.decode((GOLDEN / "lines-and-a-sample.json").read_bytes()))
    record = decode_fleet_record(stored)
    (source,) = record.sources
    assert (record.host_id, record.epoch, source.attempt, source.region) == ("host-1", 3, 2, "us-east")
    assert record.lines[1] == Line(0, "stderr", 0, 1790000000123, "warn", "no map rotation is configured")
    assert record.samples == [Sample(0, 1790000015000, 12.5, 268435456, 1073741824, 61440, 122880, 8, 0.5)]
    (line,) = record.build_lines
    assert isinstance(line, BuildLine)
    assert (line.number, line.step) == (1, "validate")
    assert encode_fleet_record(record) == stored


@pytest.mark.parametrize(
    "broken",
    [
        [1, "host-1", 3, [], [[0, "stdin", 0, 1, "info", "x"]], [], []],
        [1, "host-1", 3, [], [[0, "stdout", 0, 1, "loud", "x"]], [], []],
        [1, "host-1", 3, [], [], [[0, 1, "much", 0, 0, 0, 0, 0, 0.0]], []],
        [2, "host-1", 3, [], [], [], []],
    ],
)
def test_what_no_host_tells_is_refused(broken: list[object]) -> None:
    with pytest.raises(ValueError, match=r"Invalid enum|Expected `float`|version 2 is unknown"):
        decode_fleet_record(msgspec.msgpack.encode(broken))


def test_an_empty_record_is_one() -> None:
    empty = FleetRecord(version=1, host_id="host-1", epoch=1)
    assert decode_fleet_record(encode_fleet_record(empty)) == empty
