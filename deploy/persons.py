"""Finds and exports everything of one person, in all nouns and stores, by the table of what is personal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from deploy.clickhouse_clients import clickhouse_of
from deploy.nouns import NOUNS
from deploy.object_store import open_objects
from deploy.person_archive import line_of, new_archive
from deploy.redis_stores import open_stores
from projections.clickhouse.person_rows import PersonRows, linked
from projections.redis.person_keys import PersonKeys
from projections.redis.reader import Projection
from projections.studio.queries import StudioQueries
from schemas.persons import Person
from schemas.studio.unknown_studio import unknown_studio

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.person_archive import Manifest
    from deploy.settings import Settings
    from projections.clickhouse.client import ClickHouse
    from projections.redis.person_keys import HeldKey
    from projections.redis.stores import RedisStores
    from schemas.objects import ObjectStore
    from schemas.persons import PersonalKey, PersonalObjects, PersonalTable

STATEMENT_S: Final = 600.0
"""How long a statement may take: no table is ordered by persons, so that all of a studio's rows are read."""


class PersonUnknown(Exception):
    """There is no such studio; the message is for the operator."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where something of a person is, and how much of it."""

    store: str
    """`clickhouse`, `redis` or `objects`."""
    place: str
    """A table, a noun's keys or a folder."""
    count: int
    """Rows, keys or fields of keys, objects."""


TABLES: Final[dict[str, PersonalTable]] = {
    table: personal for noun in NOUNS for table, personal in noun.schema.personal.tables.items()
}
KEYS: Final[tuple[tuple[Projection, PersonalKey], ...]] = tuple(
    (noun.projection, key)
    for noun in NOUNS
    if noun.projection is not None
    for key in noun.schema.personal.keys
)
"""The projection that keeps them and the declaration."""


class Persons:
    """Reads of a running stack. Raises ClickHouseError, StoreUnavailable or ObjectStoreError."""

    def __init__(self, client: ClickHouse, stores: RedisStores, objects: ObjectStore) -> None:
        self._client = client
        self._rows = PersonRows(client, TABLES)
        self._stores = stores
        self._studios = StudioQueries(stores.common)
        self._objects = objects

    async def person(self, studio: str, identifier: str) -> Person:
        """Whom an id means in a studio (its slug or id), whether or not anything is known of them."""
        found = await self._studios.studio_by_slug(studio) or await self._studios.studio(studio)
        if found is None:
            slugs = [one.slug for one in await self._studios.studios()]
            raise PersonUnknown(unknown_studio(studio, slugs))
        games = tuple(game.id for game in await self._studios.games(found.id))
        handles, devices = await linked(self._client, found.id, identifier)
        return Person(
            studio_id=found.id,
            games=games,
            id=identifier,
            devices=devices,
            handles=handles,
        )

    async def find(self, person: Person) -> list[Place]:
        """Every place that holds something of them, with how much."""
        found = []
        for table, count in (await self._rows.counts(person)).items():
            found.append(Place(store="clickhouse", place=table, count=count))
        for projection, key in KEYS:
            held = [one async for one in self._held(projection, key, person)]
            shown = f"{projection.noun} {key.key}{f' {key.field}' if key.field else ''}"
            found.append(Place(store="redis", place=shown, count=len(held)))
        for noun in NOUNS:
            for declared in noun.schema.personal.objects:
                names = [name async for name in self._object_keys(declared, person)]
                where = declared.folder
                found.append(Place(store="objects", place=where, count=len(names)))
        return [place for place in found if place.count]

    async def export(self, person: Person, target: Path, made_at: str) -> Manifest:
        """Write everything of them into a new file, whole or not at all."""
        with new_archive(target, person, made_at) as archive:
            for table in TABLES:
                await archive.add(f"clickhouse/{table}.jsonl", self._rows.pages(table, person))
            for name in dict.fromkeys(projection.noun for projection, _ in KEYS):
                await archive.add(f"redis/{name}.jsonl", self._lines(name, person))
            for noun in NOUNS:
                for declared in noun.schema.personal.objects:
                    async for key in self._object_keys(declared, person):
                        await archive.add(f"objects/{key}", self._object(key), rows=False)
            return archive.finish()

    async def _held(self, projection: Projection, key: PersonalKey, person: Person) -> AsyncIterator[HeldKey]:
        for store in self._stores.of(projection).all:
            async for one in PersonKeys(store).held(key, person):
                yield one

    async def _lines(self, noun: str, person: Person) -> AsyncIterator[bytes]:
        for projection, key in KEYS:
            if projection.noun == noun:
                async for one in self._held(projection, key, person):
                    yield line_of(one)

    async def _object_keys(self, declared: PersonalObjects, person: Person) -> AsyncIterator[str]:
        for value in await self._rows.values(declared.table, declared.column, person):
            filled = declared.folder.replace("{studio}", person.studio_id).replace("{id}", value)
            for name in sorted(await self._objects.names(filled)):
                yield f"{filled}/{name}"

    async def _object(self, key: str) -> AsyncIterator[bytes]:
        size = await self._objects.size(key)
        if size is None:  # removed meanwhile
            return
        async for piece in self._objects.stream(key, 0, size):
            yield piece


@asynccontextmanager
async def open_persons(configured: Settings) -> AsyncIterator[Persons]:
    """Opened on a running stack. Raises SettingsError."""
    async with AsyncExitStack() as stack:
        stores = open_stores(configured, timeout_s=30.0)
        stack.push_async_callback(stores.aclose)
        client = clickhouse_of(configured, answer_seconds=STATEMENT_S)
        stack.push_async_callback(client.close)
        yield Persons(client, stores, open_objects(configured))
