"""Games in ClickHouse: a row each as the last definition has it, in whatever batches, and rebuilt alike."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from projections.clickhouse.client import ClickHouse
from projections.clickhouse.noun_tables import NounTables
from projections.clickhouse.rebuild_plan import Rebuilt
from projections.clickhouse.system_tables import drop_databases
from projections.clickhouse.views import apply_views
from projections.studio.tables import STUDIO_TABLES
from projections.studio.views import FOLDER
from schemas.codec import Message
from schemas.envelope import Decided, Event
from schemas.studio import events as e
from schemas.studio.definitions import load_definitions
from schemas.studio.games import GameSettings
from schemas.studio.noun import STUDIO_EVENTS
from tests.migrated import migrated
from tests.projections.rebuilt import noun_rebuilt
from tests.projections.redis.support import ListLog

pytestmark = pytest.mark.stack
AT_MS = 1_790_000_000_123
DEMO = Path(__file__).parents[3] / "deploy" / "lab" / "demo" / "demo.yaml"


def settings_of(slug: str) -> GameSettings:
    (found,) = [one.settings for one in load_definitions(DEMO.read_text()).games if one.settings.slug == slug]
    return found


def decided(*messages: Message, at_ms: int = AT_MS) -> Decided:
    return Decided(
        command_id="c",
        studio_id="user_1",
        game_id="",
        keyed=False,
        fingerprint=b"",
        events=[
            Event(type=one.WIRE, aggregate_id="user_1", sequence=1, at_ms=at_ms, data=e.EVENTS.encode(one))
            for one in messages
        ],
    )


def game(game_id: str, settings: GameSettings) -> Message:
    return e.GameDefined(
        studio_id="user_1",
        game_id=game_id,
        settings=settings,
        definition_version=1,
        definition_hash="h",
        created_at_ms=AT_MS,
    )


def changed(game_id: str, settings: GameSettings) -> Message:
    return e.GameChanged(
        studio_id="user_1",
        game_id=game_id,
        settings=settings,
        definition_version=2,
        definition_hash="h2",
        created_at_ms=AT_MS,
        changed=["name"],
        previous_slug="relay",
    )


class World:
    def __init__(self, client: ClickHouse) -> None:
        self.client = client
        self.log = ListLog(STUDIO_EVENTS)
        self.now_ms = AT_MS

    async def read(self, until: int | None = None) -> None:
        """A new worker goes on where the tables are, and writes what there is."""
        reader = NounTables(self.client, STUDIO_TABLES, tail=self.log, clock_ms=lambda: self.now_ms)
        for record in self.log.records[0][await reader.assigned(0) : until]:
            await reader.handle(record)
        await reader.flush(0)

    async def rebuilt(self, url: str) -> Rebuilt:
        """The tables built again from the log, and compared."""
        return await noun_rebuilt(
            self.client, url, STUDIO_TABLES, tail=self.log, clock_ms=lambda: self.now_ms, verify=True
        )

    async def rows(self, sql: str) -> list[list[Any]]:
        return await self.client.rows(sql.replace("views.", f"{self.client.views.database}."))


@pytest.fixture
async def world(clickhouse_url: str) -> AsyncIterator[World]:
    client = await migrated(clickhouse_url, f"studio_{uuid.uuid4().hex[:8]}")
    await apply_views(client, [FOLDER])
    yield World(client)
    await drop_databases(client)
    await client.close()


async def test_games_are_found_by_slug_as_they_are_now(world: World, clickhouse_url: str) -> None:
    doom, relay = settings_of("doom"), settings_of("relay")
    studio = e.StudioDefined(studio_id="user_1", slug="demo", name="Demo", plan="indie", created_at_ms=5)
    world.log.append(decided(studio, game("g1", doom), game("g2", relay)))
    await world.read()
    renamed = GameSettings(slug="relay-2", name="Relay two", definition=relay.definition)
    world.log.append(decided(changed("g2", renamed), at_ms=AT_MS + 1))
    await world.read()
    await world.read()
    assert await world.rows(
        "SELECT slug, game_id, name, definition_version FROM views.games ORDER BY slug"
    ) == [
        ["doom", "g1", doom.name, 1],
        ["relay-2", "g2", "Relay two", 2],
    ]
    assert (await world.rebuilt(clickhouse_url)).different == []
    assert await world.rows("SELECT count() FROM views.games") == [[2]]


async def test_what_definitions_say_of_forms_funnels_catalogs_and_events(world: World) -> None:
    doom = settings_of("doom")
    world.log.append(decided(game("g1", doom)))
    await world.read()
    assert await world.rows(
        "SELECT form_id, position, field_id, label, kind, required FROM views.form_fields"
    ) == [
        [form["id"], place, field["id"], field["label"], field["kind"], field["required"]]
        for form in doom.feedback_forms
        for place, field in enumerate(form["fields"], 1)
    ]
    funnels = "SELECT funnel_key, position, step, window_minutes FROM views.funnel_definitions ORDER BY 1, 2"
    assert await world.rows(funnels) == [
        [funnel["key"], place, step, funnel["windowMinutes"]]
        for funnel in sorted(doom.definition["funnels"], key=lambda one: str(one["key"]))
        for place, step in enumerate(funnel["steps"], 1)
    ]
    catalog = doom.definition["catalog"]
    assert await world.rows("SELECT type, key, name FROM views.catalog ORDER BY type, key") == [
        *sorted(["currency", one["economyKey"], one["name"]] for one in catalog["currencies"]),
        *sorted(["item", one["itemKey"], one["name"]] for one in catalog["items"]),
    ]
    events = (
        "SELECT event_key, name, mode, order, keep, score_formula FROM views.liveops_definitions ORDER BY 1"
    )
    assert await world.rows(events) == sorted(
        [one["eventKey"], one["name"], one["mode"], one["order"], one["keep"], one["scoreFormula"]]
        for one in doom.definition["events"]
    )
