"""What hosts tell stays readable as it was stored."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from schemas.fleet.telemetry import HostTelemetry, Line, Sample, decode, encode

GOLDEN = Path(__file__).parents[3] / "schemas" / "golden" / "fleet" / "fleet-telemetry.v1"


def test_the_example_is_read_and_written_again_byte_for_byte() -> None:
    stored = msgspec.msgpack.encode(msgspec.json.decode((GOLDEN / "lines-and-a-sample.json").read_bytes()))
    record = decode(stored)
    (instance,) = record.instances
    assert (record.host_id, record.epoch, instance.attempt) == ("host-1", 3, 2)
    assert instance.lines[1] == Line("stderr", 0, 1790000000123, "warn", "no map rotation is configured")
    assert instance.samples == [Sample(1790000015000, 12.5, 268435456, 61440, 122880, 8, 0.5)]
    assert encode(record) == stored


@pytest.mark.parametrize(
    "broken",
    [
        [1, "host-1", 3, [["s", "g", "i", "n", "r", 1, [["stdin", 0, 1, "info", "x"]], []]]],
        [1, "host-1", 3, [["s", "g", "i", "n", "r", 1, [["stdout", -1, 1, "info", "x"]], []]]],
        [1, "host-1", 3, [["s", "g", "i", "n", "r", 1, [], [[1, 2.0, -3, 0, 0, 0, 0.0]]]]],
    ],
)
def test_what_no_host_tells_is_refused(broken: list[object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(msgspec.msgpack.encode(broken))
    assert decode(encode(HostTelemetry(1, "h", 1, []))).instances == []
