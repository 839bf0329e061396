"""Two real games, asked from outside by their own protocols."""

from __future__ import annotations

import gzip
import os
import shutil
import socket
import struct
from pathlib import Path
from typing import Final

TEEWORLDS: Final = "/usr/games/teeworlds-server"
WESNOTH: Final = "/usr/games/wesnothd-1.16"
_CONTROL: Final = 0x01
_TOKEN: Final = 5
_CONNLESS: Final = 0x08
_REQUEST_INFO: Final = b"\xff\xff\xff\xffgie3"
_INFO: Final = b"\xff\xff\xff\xffinf3"
_NO_TOKEN: Final = b"\xff\xff\xff\xff"


def installed(program: str) -> bool:
    return shutil.which(program) is not None and Path(program).exists()


def teeworlds_info(address: tuple[str, int], timeout_s: float = 0.5) -> list[bytes]:
    """Version, name, host name, map … of the server, as its list shows them. Raises TimeoutError."""
    mine = os.urandom(4)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(timeout_s)
        asking.connect(address)
        # A packet's head is flags and acknowledgement, number of chunks, and the receiver's token.
        asking.send(bytes([_CONTROL << 2, 0, 0]) + _NO_TOKEN + bytes([_TOKEN]) + mine + bytes(508))
        theirs = asking.recv(2048)[8:12]
        asking.send(bytes([(_CONNLESS << 2) | 1]) + theirs + mine + _REQUEST_INFO + b"\x01")
        answer = asking.recv(2048)[9:]
    if not answer.startswith(_INFO):
        raise TimeoutError(f"an answer of another kind: {answer[:8]!r}")
    return answer[len(_INFO) + 1 :].split(b"\0")


def wesnoth_greeting(address: tuple[str, int], timeout_s: float = 60) -> bytes:
    """What the server says first: a WML document."""
    with socket.create_connection(address, timeout=timeout_s) as asking:
        asking.settimeout(timeout_s)
        asking.sendall(b"\0\0\0\0")
        stream = asking.makefile("rb")
        stream.read(4)
        (size,) = struct.unpack(">I", stream.read(4))
        return gzip.decompress(stream.read(size))
