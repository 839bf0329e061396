"""What relays of a host end TLS with: read from the deployment's files, and again when they are renewed."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import stat
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from streams.runtime import certificates

_log: Final = logging.getLogger(__name__)
_BYTES_MAX: Final = 1024 * 1024
LOOK_S: Final = 5.0
USED_FOR: Final = "game servers"


class CertificateRefused(Exception):
    """The files can't be used. The message says which, why and what to do."""


class CertificateFiles(msgspec.Struct, frozen=True):
    """Where the certificate with its chain is, and its key; they may be one file."""

    certificate: Path
    key: Path

    def read(self) -> bytes:
        """Key and chain as one PEM. Raises CertificateRefused."""
        key = _read(self.key, private=True)
        pem = key if self.key == self.certificate else key.rstrip() + b"\n" + _read(self.certificate)
        _check(pem, self)
        return pem

    def stamp(self) -> tuple[tuple[int, int] | None, ...]:
        """Another one once a file was replaced or written."""
        return tuple(_stamp(path) for path in (self.certificate, self.key))


async def keep_certified(files: CertificateFiles, certify: Callable[[bytes], Awaitable[None]]) -> None:
    """Give `certify` what is in the files now, and what is in them whenever they change; for ever.

    Files that don't fit together, as between two steps of a renewal, are not taken: the former stay in use.
    """
    seen: object = None
    while True:
        stamp = await asyncio.to_thread(files.stamp)
        if stamp != seen:
            try:
                pem = await asyncio.to_thread(files.read)
                await certify(pem)
            except (CertificateRefused, OSError) as error:
                _log.warning("players go on with the former TLS certificate: %s", error)
            else:
                _log.info("players get the TLS certificate of %s", files.certificate)
                certificates.hold(USED_FOR, str(files.certificate), partial(bytes, pem))
            seen = stamp
        await asyncio.sleep(LOOK_S)


def _read(path: Path, *, private: bool = False) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if private and stat.S_IMODE(mode) & 0o077:
                raise CertificateRefused(f"{path} can be read by others than its owner: chmod 600 {path}")
            content = file.read(_BYTES_MAX + 1)
    except OSError as error:
        raise CertificateRefused(f"{path} can't be read: {error.strerror}") from None
    if len(content) > _BYTES_MAX:
        raise CertificateRefused(f"{path} is no PEM file: it has more than {_BYTES_MAX} bytes")
    return content


def _check(pem: bytes, files: CertificateFiles) -> None:
    """What relays load is what is tried: the bytes, not the files, which may change meanwhile."""
    held = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        with open(held, "wb", closefd=False) as file:
            file.write(pem)
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(f"/proc/self/fd/{held}", password="")
    except (OSError, ValueError) as error:  # SSLError is of OSError; ValueError: an encrypted key
        reason = getattr(error, "reason", None) or error
        raise CertificateRefused(
            f"{files.certificate} and {files.key} are no certificate and its key,"
            f" as PEM and not encrypted: {reason}"
        ) from None
    finally:
        os.close(held)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_mtime_ns
