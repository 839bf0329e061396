"""Deletes what only processing needs, once the log says that it has ended for good, and artefacts that go.

A reader of the fleet's events. Deleted twice is as once. Source: contract/fleet.md, "Secrets".
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import msgspec

from schemas.envelope import EventsRecord
from schemas.fleet.events import EVENTS, BuildDeleted, BuildEvent, BuildFailed, BuildReady, BuildRemoved
from schemas.fleet.objects import artefact_key, credentials_key, resolved_key, upload_key
from schemas.fleet.views import Build
from schemas.log import LogRecord
from schemas.objects import ObjectStore, ObjectStoreError
from streams.effect_reader import RETRY, EffectReader, Reading, Retry

_log: Final = logging.getLogger(__name__)
_decoder: Final = msgspec.msgpack.Decoder(EventsRecord)
_ENDED: Final = frozenset({BuildReady.WIRE, BuildFailed.WIRE, BuildDeleted.WIRE, BuildRemoved.WIRE})


class BuildLeftovers(EffectReader):
    """Forgets credentials, resolved digests and uploads of builds whose processing has ended."""

    def __init__(self, objects: ObjectStore, reading: Reading, *, retry: Retry = RETRY) -> None:
        super().__init__("what processing of builds leaves", reading)
        self._objects = objects
        self._patience_s, self._again_s = retry

    async def take(self, record: LogRecord) -> bool:
        """Forget what the record's builds have left. Raises ObjectStoreError where that can't be in time."""
        ended: dict[str, Build] = {}
        for decided in _decoder.decode(record.value).decided:
            for one in decided.events:
                if one.type in _ENDED:
                    event = EVENTS.decode(one.type, one.data)
                    if isinstance(event, BuildEvent):
                        ended[event.build.id] = event.build
        deadline = asyncio.get_running_loop().time() + self._patience_s
        for build in ended.values():
            await self._until_forgotten(build, deadline)
        return bool(ended)

    async def _until_forgotten(self, build: Build, deadline: float) -> None:
        while True:
            try:
                return await forget(self._objects, build)
            except ObjectStoreError as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                _log.warning("what processing of %s has left is there still: %s", build.id, error)
            await asyncio.sleep(self._again_s)


async def forget(objects: ObjectStore, build: Build) -> None:
    """Delete what only processing needs of a build that is ready, failed or deleted.

    A failed one keeps its upload: it may be tried anew. Of one that was removed the artefact goes, too; what
    was stored since is another object. Called twice: nothing. Raises ObjectStoreError.
    """
    keys = [credentials_key(build.game_id, build.id), resolved_key(build.game_id, build.id)]
    if build.credentials_key is not None:
        keys.append(build.credentials_key)
    if build.status != "failed":
        keys.append(upload_key(build.game_id, build.id))
    if build.removed and build.artefact is not None:
        keys.append(artefact_key(build.game_id, build.artefact.sha256, build.artefact.generation))
    for key in dict.fromkeys(keys):
        await objects.delete(key)
