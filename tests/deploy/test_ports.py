"""Free ports: never given twice, never where an outgoing connection may take them first."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.stack import ports


def test_a_port_is_given_once() -> None:
    given = [ports.free_port() for _ in range(500)]
    assert len(set(given)) == len(given)


def test_outgoing_connections_take_no_given_port() -> None:
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    if low - 10_000 < 2_000 and 65_535 - high < 2_000:
        assert 10_000 <= ports.free_port() <= 65_535
    else:
        assert not any(low <= ports.free_port() <= high for _ in range(100))


@pytest.mark.parametrize(
    ("outgoing", "first", "last"),
    [
        ((32_768, 60_999), 10_000, 32_767),
        ((1_024, 60_999), 61_000, 65_535),
        ((10_500, 40_000), 40_001, 65_535),
        ((1_024, 65_535), 10_000, 65_535),
    ],
)
def test_the_place_lies_beside_the_outgoing_range(outgoing: tuple[int, int], first: int, last: int) -> None:
    place = ports.place_beside(outgoing)
    assert (place[0], place[-1]) == (first, last)


def test_ports_in_a_row_are_given_once() -> None:
    first, last = ports.free_ports(20)
    assert last - first == 19
    with pytest.raises(OSError, match=f"no free port: tried 1000 between {first} and {last}"):
        ports.free_port(range(first, last + 1))
    with pytest.raises(OSError, match="no 70000 free ports"):
        ports.free_ports(70_000)


def test_a_port_in_use_is_not_given() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert ports.port_taken(port)
        with pytest.raises(OSError, match="no free port: tried 1000 between"):
            ports.free_port(range(port, port + 1))


def test_a_port_is_given_to_one_process_until_that_ends() -> None:
    code = (
        "import sys; from deploy.stack import ports; print(ports.free_port(), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(  # noqa: S603 - the code above
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        port = int(other.stdout.readline())
        alone = range(port, port + 1)
        with pytest.raises(OSError, match="no free port"):
            ports.free_port(alone)
        other.stdin.close()
        assert other.wait(30) == 0
        assert ports.free_port(alone) == port
