"""The kernel's table of connections: what it knows of a path decides over the firewall's map of ports.

An entry lives as long as packets keep coming, whatever the map says by now: a client that goes on sending
from one port would go on reaching what its first packet reached. So entries that a change of the map has made
wrong are removed. One netlink conversation with the kernel (nfnetlink, ctnetlink); needs CAP_NET_ADMIN.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from typing import Final, NamedTuple

_NETFILTER: Final = 12  # NETLINK_NETFILTER
_GET: Final = 1 << 8 | 1  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET
_DELETE: Final = 1 << 8 | 2
_REQUEST: Final = 0x1
_ACKNOWLEDGE: Final = 0x4
_DUMP: Final = 0x300
_ERROR: Final = 2
_DONE: Final = 3
_HEAD: Final = struct.Struct("=IHHII")
_KIND: Final = struct.Struct("=BBH")
_ATTRIBUTE: Final = struct.Struct("=HH")
_TYPE: Final = 0x3FFF
_ORIGINAL, _REPLY, _ID = 1, 2, 12
_ADDRESSES, _PROTOCOL = 1, 2
_NAMES: Final = {socket.IPPROTO_UDP: "udp", socket.IPPROTO_TCP: "tcp"}
_BUFFER: Final = 1 << 18
_ANSWER_S: Final = 10


class Way(NamedTuple):
    """One direction of a connection."""

    source: IPv4Address
    source_port: int
    to: IPv4Address
    to_port: int

    @property
    def back(self) -> Way:
        """The opposite direction, where nothing translates addresses."""
        return Way(self.to, self.to_port, self.source, self.source_port)


class Connection(NamedTuple):
    """An entry of UDP or TCP over IPv4: how its first packet came, and how answers are expected."""

    protocol: str
    first: Way
    answer: Way
    key: bytes
    """What names it to the kernel."""

    @property
    def translated(self) -> bool:
        """Whether its packets are sent elsewhere than they say."""
        return self.answer != self.first.back


def forget(wrong: Callable[[Connection], bool]) -> int:
    """Removes the entries of this network namespace that are `wrong`; how many. Raises OSError."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETFILTER) as kernel:
        kernel.settimeout(_ANSWER_S)
        kernel.bind((0, 0))
        doomed = [connection for connection in _all(kernel) if wrong(connection)]
        return sum(_delete(kernel, connection) for connection in doomed)


def _all(kernel: socket.socket) -> Iterator[Connection]:
    kernel.send(_message(_GET, _REQUEST | _DUMP, b""))
    for kind, body in _answers(kernel):
        if kind == _DONE:
            return
        found = _connection(body[_KIND.size :])
        if found is not None:
            yield found


def _delete(kernel: socket.socket, connection: Connection) -> bool:
    """False where it has just gone by itself."""
    kernel.send(_message(_DELETE, _REQUEST | _ACKNOWLEDGE, connection.key))
    try:
        next(_answers(kernel))
    except FileNotFoundError:
        return False
    return True


def _message(kind: int, flags: int, attributes: bytes) -> bytes:
    body = _KIND.pack(socket.AF_INET, 0, 0) + attributes
    return _HEAD.pack(_HEAD.size + len(body), kind, flags, 0, 0) + body


def _answers(kernel: socket.socket) -> Iterator[tuple[int, memoryview]]:
    """Kind and body of each message. Raises OSError for one that tells a failure."""
    while True:
        data = memoryview(kernel.recv(_BUFFER))
        while len(data) >= _HEAD.size:
            size, kind, _, _, _ = _HEAD.unpack_from(data)
            body = data[_HEAD.size : size]
            if kind == _ERROR and (number := -struct.unpack_from("=i", body)[0]) != 0:
                raise OSError(number, f"table of connections: {os.strerror(number)}")
            yield kind, body
            data = data[(size + 3) & ~3 :]


def _connection(attributes: memoryview) -> Connection | None:
    """None for one that is neither UDP nor TCP."""
    found = _table(attributes)
    first, answer = _way(found[_ORIGINAL]), _way(found[_REPLY])
    if first is None or answer is None:
        return None
    key = b"".join(_packed(name, found[name]) for name in (_ORIGINAL, _ID))
    return Connection(first[0], first[1], answer[1], key)


def _way(tuple_: memoryview) -> tuple[str, Way] | None:
    parts = _table(tuple_)
    addresses, protocol = _table(parts[_ADDRESSES]), _table(parts[_PROTOCOL])
    name = _NAMES.get(protocol[1][0])
    if name is None:
        return None
    source, to = (IPv4Address(bytes(addresses[place])) for place in (1, 2))
    source_port, to_port = (int.from_bytes(protocol[place]) for place in (2, 3))
    return name, Way(source, source_port, to, to_port)


def _table(data: memoryview) -> dict[int, memoryview]:
    found = {}
    while len(data) >= _ATTRIBUTE.size:
        size, name = _ATTRIBUTE.unpack_from(data)
        found[name & _TYPE] = data[_ATTRIBUTE.size : size]
        data = data[(size + 3) & ~3 :]
    return found


def _packed(name: int, value: memoryview) -> bytes:
    nested = 0x8000 if name == _ORIGINAL else 0
    size = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(size, name | nested) + bytes(value) + bytes(-size % 4)
