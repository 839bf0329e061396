"""The object store in memory, and a transcriber: both fail now and then while faults are on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from schemas.objects import ObjectExists, ObjectStoreError
from streams.playtests.transcriber import Transcriber, TranscriberFailed, Transcript

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from deploy.lab.simulation.faults import Faults

_UPLOAD: Final = "upload:"
TRANSCRIBED_S_MAX: Final = 3.0


class _Writer:
    def __init__(self, held: dict[str, bytes], key: str, *, new: bool) -> None:
        self._held, self._key, self._new = held, key, new
        self._data = b""

    async def write(self, chunk: bytes) -> None:
        self._data += chunk

    async def commit(self) -> None:
        if self._new and self._key in self._held:
            raise ObjectExists(self._key)
        self._held[self._key] = self._data

    async def abort(self) -> None:
        self._data = b""


class SimulatedObjects:
    """Implements `schemas.objects.ObjectStore`. What was written stays."""

    def __init__(self, faults: Faults) -> None:
        self.held: dict[str, bytes] = {}
        self._faults = faults

    async def _asked(self) -> None:
        await self._faults.delay("to the object store")
        if self._faults.happens("object store away"):
            raise ObjectStoreError("away")

    async def _answered(self) -> None:
        if self._faults.happens("object store away"):
            raise ObjectStoreError("gone before the answer")
        await self._faults.delay("from the object store")

    async def put(self, url: str, data: bytes) -> int:
        """PUT to a signed address, as a playtester's browser does: the status."""
        await self._asked()
        key = url.removeprefix(_UPLOAD)
        taken = key in self.held
        self.held.setdefault(key, data)
        await self._answered()
        return 409 if taken else 201

    async def create(self, key: str, *, new: bool = False) -> _Writer:
        """Begin an object."""
        await self._asked()
        return _Writer(self.held, key, new=new)

    async def read(self, key: str) -> bytes | None:
        """An object's bytes."""
        await self._asked()
        return self.held.get(key)

    async def size(self, key: str) -> int | None:
        """How many bytes an object has."""
        await self._asked()
        return len(self.held[key]) if key in self.held else None

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """An object's bytes, in one piece."""
        await self._asked()
        if key not in self.held:
            raise ObjectStoreError(f"there is no object {key}")
        yield self.held[key][start:end]

    async def copy(self, source: str, target: str) -> None:
        """Copy an object."""
        await self._asked()
        if source not in self.held:
            raise ObjectStoreError(f"there is no object {source}")
        self.held[target] = self.held[source]
        await self._answered()

    async def names(self, folder: str) -> list[str]:
        """The last parts of the keys in a folder."""
        await self._asked()
        begin = f"{folder}/"
        return [key.removeprefix(begin) for key in self.held if key.startswith(begin)]

    async def delete(self, key: str) -> None:
        """Remove an object."""
        await self._asked()
        self.held.pop(key, None)
        await self._answered()

    @property
    def writer_bytes(self) -> int:
        """Nothing beside what is kept."""
        return 0

    async def free_bytes(self) -> int | None:
        """No end."""
        return None

    async def signed_url(self, key: str, *, expires_at_ms: int) -> str:
        """An address that is never called."""
        return f"download:{key}:{expires_at_ms}"

    def public_url(self, key: str) -> str:
        """Likewise."""
        return f"public:{key}"

    def signed_upload_url(self, key: str, *, bytes_max: int, expires_at_ms: int) -> str:
        """Where `put` takes it."""
        del bytes_max, expires_at_ms
        return f"{_UPLOAD}{key}"


class SimulatedTranscriber(Transcriber):
    """Takes its time, and fails every third run or so."""

    def __init__(self, faults: Faults) -> None:
        super().__init__((), {})
        self._faults = faults

    async def run(self, url: str, content_type: str) -> Transcript:
        """The same text for every recording. Raises TranscriberFailed."""
        del url, content_type
        await asyncio.sleep(self._faults.dice.uniform(0.0, TRANSCRIBED_S_MAX))
        if self._faults.happens("transcriber failed"):
            raise TranscriberFailed("it ended with 1")
        return Transcript(version="simulated", text="It is dark.")
