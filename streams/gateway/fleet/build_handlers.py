"""Writes of builds: where they are uploaded, images, processing, deletion.

All that is shown is in the outcome, so that a retry under the same idempotency key gets it again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec
from msgspec import UNSET

from schemas.codec import Message
from schemas.edge.errors import Refused
from schemas.envelope import Outcome
from schemas.fleet import answers, bodies, names, responses
from schemas.fleet import commands as ask
from schemas.fleet.objects import (
    UPLOAD_BYTES_MAX,
    UPLOAD_MS,
    RegistryCredentials,
    credentials_key,
    seal_credentials,
    store_credentials,
    upload_key,
)
from schemas.fleet.resources import build_resource
from schemas.objects import ObjectStore
from schemas.seal import Sealer
from streams.gateway.fleet.asking import Asking
from streams.gateway.fleet.outcomes import answer_of
from streams.gateway.fleet.writes import UploadFields, Write
from streams.gateway.keyed_requests import KeyedRequests

_encode: Final = msgspec.json.Encoder().encode


class BuildHandlers:
    """Called with a write, each gives the answer's body. Raises `Refused` and what stores raise."""

    def __init__(
        self,
        requests: KeyedRequests,
        asking: Asking,
        objects: ObjectStore,
        sealer: Sealer,
        randomness: Callable[[int], bytes],
    ) -> None:
        self._requests = requests
        self._asking = asking
        self._objects = objects
        self._sealer = sealer
        self._randomness = randomness
        self.by_operation: Final[Mapping[str, Callable[[Write], Awaitable[bytes]]]] = {
            "upload_url": self._upload_url,
            "docker_image": self._docker_image,
            "process_build": self._process,
            "delete_build": self._delete,
        }

    async def _upload_url(self, write: Write) -> bytes:
        body: UploadFields = write.body
        command = ask.CreateBuild(
            name=body.name,
            build_type="zip",
            executable_path=body.executable_path,
            limits=await self._asking.limits(write.caller),
            processes_itself=write.by_old_client or UNSET,
        )
        outcome = await self._ask_build(write, command, names.build_id(write.asked.command_id))
        build = answer_of(answers.BuildAnswer, outcome).build
        url = self._objects.signed_upload_url(
            upload_key(build.game_id, build.id),
            bytes_max=UPLOAD_BYTES_MAX,
            expires_at_ms=build.created_at_ms + UPLOAD_MS,
        )
        return _encode(
            responses.UploadUrl(
                build_id=build.id,
                name=build.name,
                version=build.version,
                upload_url=url,
                message="Upload your ZIP file to the provided URL, then call /process",
            )
        )

    async def _docker_image(self, write: Write) -> bytes:
        body: bodies.ImageBody = write.body
        caller, build_id = write.caller, names.build_id(write.asked.command_id)
        key = None
        if body.registry_credentials is not None and await self._requests.stored(write.asked) is None:
            key = credentials_key(caller.project_id, build_id)
            sealed = seal_credentials(
                self._sealer,
                RegistryCredentials(body.registry_credentials.username, body.registry_credentials.password),
                studio_id=caller.studio_id,
                game_id=caller.project_id,
                build_id=build_id,
                randomness=self._randomness,
            )
            await store_credentials(self._objects, key, sealed)
        command = ask.CreateBuild(
            name=body.name,
            build_type="docker_image",
            executable_path=body.executable_path,
            image_url=body.image_url,
            credentials_key=key,
            limits=await self._asking.limits(caller),
        )
        try:
            outcome = await self._ask_build(write, command, build_id)
        except Refused:
            if key is not None:
                await self._objects.delete(key)
            raise
        return _encode(build_resource(answer_of(answers.BuildAnswer, outcome).build))

    async def _process(self, write: Write) -> bytes:
        build_id = write.path["build_id"]
        size = await self._objects.size(upload_key(write.caller.project_id, build_id))
        command = ask.ProcessBuild(build_id=build_id, name=write.body.name, upload_bytes=size)
        await self._ask_build(write, command, build_id)
        return _encode(
            responses.Processing(
                status="processing", build_id=build_id, message="Build processing has been triggered"
            )
        )

    async def _delete(self, write: Write) -> bytes:
        build_id = write.path["build_id"]
        await self._ask_build(write, ask.DeleteBuild(build_id=build_id), build_id)
        return _encode(responses.Deleted(status="success", message="Build deleted"))

    async def _ask_build(self, write: Write, command: Message, build_id: str) -> Outcome:
        caller = write.caller
        aggregate = names.build_aggregate(caller.studio_id, caller.project_id, build_id)
        return await self._asking.ask(write, command, aggregate)
