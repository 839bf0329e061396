"""The game server of the fleet drill: it numbers what it prints, and says by UDP how far it has come.

Each process draws a nonce, so that two of one launch can be told apart. How to read what it says is here too.
"""

from __future__ import annotations

import io
import re
import zipfile
from typing import Final

import msgspec

EXECUTABLE: Final = "questlog-drill"
"""The process's name in /proc too: at most 15 characters."""
PORT: Final = "game"
INTERRUPTED: Final = 0
"""What it ends with where it was asked to."""
CRASHED: Final = 3
"""What it ends with where a client told it to crash. With both its last line says that it is the last."""
LAST_LINES: Final = 20
"""It prints so many at once at its end, so that an end has something to lose."""
ASK: Final = b"how far"
CRASH: Final = b"crash"
DIE: Final = b"die"
SOURCE: Final = f"""#!/usr/bin/python3 -IS
import os, select, signal, socket
attempt = os.environ["QUESTLOG_ATTEMPT"].rpartition("-")[2]
nonce = os.urandom(8).hex()
number = 0
def say(word):
    global number
    number += 1
    os.write(1, f"{{attempt}} {{nonce}} {{number}} {{word}}\\n".encode())
def end(code):
    for _ in range({LAST_LINES - 1}):
        say("goes")
    say("last")
    os._exit(code)
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
say("begun")
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("0.0.0.0", int(os.environ["QUESTLOG_PORT_{PORT.upper()}"])))
while True:
    if asked:
        end({INTERRUPTED})
    if not select.select([udp], [], [], 0.1)[0]:
        say("goes")
        continue
    said, player = udp.recvfrom(100)
    if said == {CRASH!r}:
        end({CRASHED})
    if said == {DIE!r}:
        os.kill(os.getpid(), signal.SIGKILL)
    udp.sendto(f"{{attempt}} {{nonce}} {{number}}".encode(), player)
"""
_LINE: Final = re.compile(r"(\d+) ([0-9a-f]{16}) (\d+) (begun|goes|last)")


class Printed(msgspec.Struct, frozen=True):
    """One of its lines."""

    attempt: int
    nonce: str
    number: int
    """From 1 in each process."""
    word: str
    """`begun`, `goes` or `last`."""


class Heard(msgspec.Struct, frozen=True):
    """What one said by UDP: so many lines it had printed by then."""

    attempt: int
    nonce: str
    number: int


def archive() -> bytes:
    """The build to upload."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as written:
        written.writestr(EXECUTABLE, SOURCE)
    return packed.getvalue()


def printed(message: str) -> Printed | None:
    """A line of a log; None where the server prints no such line."""
    found = _LINE.fullmatch(message)
    if found is None:
        return None
    attempt, nonce, number, word = found.groups()
    return Printed(int(attempt), nonce, int(number), word)


def heard(answer: bytes) -> Heard:
    """An answer by UDP. Raises ValueError for one that is none of the server's."""
    attempt, nonce, number = answer.decode("ascii").split()
    return Heard(int(attempt), nonce, int(number))
