"""Doing something inside the network namespace of a server, with the thread that asks."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_CLONE_NEWNET: Final = 0x40000000
_libc: Final = ctypes.CDLL(None, use_errno=True)


@contextmanager
def in_namespace(namespace: Path) -> Iterator[None]:
    """The calling thread is in the network namespace at `namespace` until the block ends; no other is.

    The block may not await. Sockets made in it stay in the namespace. Raises OSError.
    """
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _enter(home)
    finally:
        os.close(home)


def listener(namespace: Path, port: int) -> socket.socket:
    """A socket that listens on 127.0.0.1:`port` of the namespace and nowhere else."""
    with in_namespace(namespace):
        return socket.create_server(("127.0.0.1", port), backlog=64)


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")
