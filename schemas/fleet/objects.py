"""Builds in the object store: their keys, and the object that holds a registry's credentials.

A project's are below `games/<game>/builds`: uploads and what an attempt of processing leaves for the next one
by build, artefacts by their hash. Credentials are sealed under the fleet secret for their build, and deleted
once processing has ended for good. Source: contract/fleet.md, "Builds".
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from schemas.fleet.limits import CREDENTIAL_CHARACTERS_MAX
from schemas.fleet.names import build_aggregate
from schemas.objects import ObjectStore, new_object
from schemas.seal import Randomness, SealBroken, Sealer

UPLOAD_BYTES_MAX: Final = 2 * 2**30
UPLOAD_MS: Final = 15 * 60 * 1000
"""How long an upload may begin."""
UPLOAD_AWAITED_MS: Final = 60 * 60 * 1000
"""How long one is waited for that is processed without a call, from its build's creation."""
_FIELD: Final = "registry credentials"
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=CREDENTIAL_CHARACTERS_MAX)]


class RegistryCredentials(msgspec.Struct, frozen=True):
    """Who pulls an image. Never printed: `repr` shows neither."""

    username: _Text
    password: _Text

    def __repr__(self) -> str:
        return "RegistryCredentials(…)"


def upload_key(game_id: str, build_id: str) -> str:
    """Where a build's ZIP is uploaded to."""
    return f"games/{game_id}/builds/uploads/{build_id}.zip"


def artefact_key(game_id: str, sha256: str, generation: int = 0) -> str:
    """Where an artefact is; equal ones of a project and generation are one.

    A generation ends when an artefact of the project goes: deleting that one, however late, deletes
    nothing that was stored since.
    """
    name = sha256 if generation == 0 else f"{sha256}.{generation}"
    return f"games/{game_id}/builds/artefacts/{name}.tar.zst"


def credentials_key(game_id: str, build_id: str) -> str:
    """Where the credentials of a build's image are: the log names it."""
    return f"games/{game_id}/builds/credentials/{build_id}"


def resolved_key(game_id: str, build_id: str) -> str:
    """Where the first attempt keeps the digest that an image's tag stood for, so that all take the same."""
    return f"games/{game_id}/builds/resolved/{build_id}"


def seal_credentials(
    sealer: Sealer,
    credentials: RegistryCredentials,
    *,
    studio_id: str,
    game_id: str,
    build_id: str,
    randomness: Randomness,
) -> bytes:
    """The content of the object at `credentials_key`."""
    aggregate = build_aggregate(studio_id, game_id, build_id)
    clear = msgspec.json.encode(credentials).decode()
    return sealer.data_key(studio_id, aggregate, randomness).seal(_FIELD, clear, randomness).encode()


def open_credentials(
    sealer: Sealer, sealed: bytes, *, studio_id: str, game_id: str, build_id: str
) -> RegistryCredentials:
    """What was sealed for this build. Raises SealBroken."""
    aggregate = build_aggregate(studio_id, game_id, build_id)
    try:
        text = sealed.decode("ascii")
        clear = sealer.open(text, studio_id=studio_id, aggregate_id=aggregate, field=_FIELD)
        return msgspec.json.decode(clear, type=RegistryCredentials)
    except (UnicodeDecodeError, msgspec.DecodeError):
        raise SealBroken(f"{_FIELD} of {aggregate} are not as they were sealed") from None


async def store_credentials(objects: ObjectStore, key: str, sealed: bytes) -> None:
    """Put sealed credentials at a key, replacing those that are there. Raises ObjectStoreError."""
    async with new_object(objects, key) as writer:
        await writer.write(sealed)
