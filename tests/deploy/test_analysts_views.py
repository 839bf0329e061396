"""Views for analysts: what they say of a history, and that readers see their studio's rows alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from deploy.documents import described_views
from deploy.nouns import NOUNS, views
from projections.clickhouse.client import ClickHouse
from projections.clickhouse.migrations import MigrationError
from projections.clickhouse.system_tables import drop_databases
from projections.clickhouse.views import TIMELINE, apply_views, read_views
from projections.telemetry.queries.dashboard_dictionary import DICTIONARY, read_dictionary
from tests import plain_http
from tests.deploy.analysts_twin import twins
from tests.deploy.analysts_world import (
    BUILDS,
    DATABASE,
    OTHER,
    PASSWORD,
    STEPS,
    STUDIO,
    VIEWS,
    History,
)
from tests.migrated import migrated

NAMES = [view.name for view in read_views(views())]
stack = pytest.mark.stack


def test_each_view_is_of_a_noun_and_says_what_every_column_holds() -> None:
    assert {noun.name for noun in NOUNS if noun.views} >= {"telemetry", "liveops", "playtests", "fleet"}
    for view in read_views(views()):
        header = view.statement.partition("\n(\n")[2].partition("\n)\nSQL SECURITY INVOKER\n")[0]
        columns = [line.split()[0] for line in header.splitlines()]
        assert columns[:2] == ["studio_id", "game_id"], view.name
        assert [line for line in header.splitlines() if "COMMENT '" not in line] == []
        assert view.statement.rpartition("\n")[2].startswith("COMMENT '"), view.name
        assert not {"occurred_at", "created_at", "recorded_at", "external_id", "instance_id"} & {*columns}
        assert not [name for name in columns if name.startswith("_")]
        times = [line for line in header.splitlines() if line.split()[0] == "at"]
        assert not times or times[0].split(None, 1)[1].startswith("DateTime64(3, 'UTC') COMMENT"), view.name


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE OR REPLACE VIEW views.another\n(\n    a String\n)\nSQL SECURITY INVOKER\nAS\nSELECT 1 AS a",
        "CREATE OR REPLACE VIEW views.one\n(\n    a String\n)\nAS\nSELECT 1 AS a",
        "CREATE OR REPLACE VIEW views.one\n(\n    a String\n)\nSQL SECURITY DEFINER\nAS\nSELECT 1 AS a",
    ],
)
def test_a_file_that_makes_no_view_of_its_name_or_not_as_its_reader_is_refused(
    tmp_path: Path, statement: str
) -> None:
    (tmp_path / "one.sql").write_text(statement)
    with pytest.raises(MigrationError, match=r"one\.sql must"):
        read_views([tmp_path])


class World(NamedTuple):
    owner: ClickHouse
    history: History
    url: str

    def ask(self, query: str, user: str = "ann", database: str = "") -> httpx.Response:
        return plain_http.post(
            f"http://{self.url.split('@')[1]}/",
            auth=(user, PASSWORD),
            params={"database": database} if database else {},
            content=query,
            timeout=60,
        )

    def rows(self, query: str, user: str = "ann") -> list[list[str]]:
        answer = self.ask(query, user)
        assert answer.status_code == 200, (query, answer.text)
        return [line.split("\t") for line in answer.text.splitlines()]


@pytest.fixture
async def world(clickhouse_url: str, clickhouse_home: Path) -> AsyncIterator[World]:
    accounts = [("ann", STUDIO), ("bea", OTHER), ("cid", "stu_none")]
    async for owner, history in twins(clickhouse_url, clickhouse_home, accounts):
        yield World(owner, history, clickhouse_url)


def of_all(told: str, where: str = "1") -> str:
    """A row of each view."""
    return " UNION ALL ".join(f"SELECT '{name}', {told} FROM {VIEWS}.{name} WHERE {where}" for name in NAMES)


@stack
async def test_readers_see_their_studio_s_rows_of_every_view(world: World) -> None:
    """As the owner sees them among the other studio's, which have the same ids."""
    told = "count(), toString(sum(cityHash64(toString(tuple(*))))), uniqExact(studio_id)"
    for user, studio in (("ann", STUDIO), ("bea", OTHER)):
        told_owner = await world.owner.rows(of_all(told, f"studio_id = '{studio}'"))
        own = sorted([str(value) for value in row] for row in told_owner)
        assert [row[0] for row in own if row[3] != "1"] == [], "the history has nothing of these"
        assert sorted(world.rows(of_all(told), user)) == own
    assert {row[1] for row in world.rows(of_all("count()"), "cid")} == {"0"}


@stack
@pytest.mark.parametrize(
    "where", [f"throwIf(studio_id = '{OTHER}') = 0", "throwIf(game_id = 'game_2') = 0", "game_id != 'game_2'"]
)
async def test_no_condition_meets_another_studio_s_row(world: World, where: str) -> None:
    counts = dict(world.rows(of_all("count()")))
    assert dict(world.rows(of_all("count()", where))) == counts


@stack
async def test_no_join_of_views_brings_another_studio_s_rows(world: World) -> None:
    query = (
        "SELECT uniqExact(s.studio_id), uniqExact(p.studio_id), uniqExact(e.studio_id),"
        " uniqExact(l.studio_id) FROM sessions s JOIN players p USING player_id"
        " JOIN events e ON e.session_id = s.session_id JOIN player_timeline l ON l.player_id = p.player_id"
    )
    assert world.rows(query) == [["1", "1", "1", "1"]]
    named = (
        "SELECT count() FROM sessions WHERE player_id IN (SELECT player_id FROM ledger) AND studio_id != '{}'"
    )
    assert world.rows(named.format(STUDIO)) == [["0"]]
    union = (
        "SELECT DISTINCT studio_id FROM (SELECT studio_id FROM grants UNION ALL SELECT studio_id FROM boards)"
    )
    assert world.rows(union) == [[STUDIO]]
    for refused in ("SELECT * FROM system.parts", "SELECT count() FROM questlog_system.migrations"):
        assert world.ask(refused).status_code != 200


@stack
async def test_views_are_listed_with_their_comments(world: World) -> None:
    listed = world.rows("SELECT name FROM system.tables WHERE database = currentDatabase() AND comment != ''")
    assert sorted(name for (name,) in listed) == sorted(NAMES)
    uncommented = f"SELECT count() FROM system.columns WHERE database = '{VIEWS}' AND comment = ''"
    assert world.rows(uncommented) == [["0"]]
    assert {"sessions", TIMELINE} <= {name for (name,) in world.rows("SHOW TABLES")}
    told = {row[0]: row[4] for row in world.rows("DESCRIBE sessions")}
    assert told["at"] == "When it began: startedAt as sent, else its first event"
    assert world.ask("SELECT count() FROM liveops_scores", database=DATABASE).status_code == 200


@stack
async def test_the_dictionary_is_every_view_by_its_comments(world: World) -> None:
    rows = await world.owner.rows(DICTIONARY.sql, DICTIONARY.parameters)
    names = ("view", "view_comment", "name", "type", "comment")
    told = {view.name: view for view in read_dictionary(dict(zip(names, row, strict=True)) for row in rows)}
    assert sorted(told) == sorted(NAMES)
    assert told["ledger"].comment == "Every movement of every balance and holding, one row each."
    assert [column.name for column in told["ledger"].columns[:3]] == ["studio_id", "game_id", "player_id"]
    assert all(column.comment for view in told.values() for column in view.columns)
    written = {view.name: [(one.name, one.comment) for one in view.columns] for view in described_views()}
    assert {name: [(one.name, one.comment) for one in view.columns] for name, view in told.items()} == written
    assert {view.name: view.comment for view in described_views()} == {
        name: view.comment for name, view in told.items()
    }


@stack
async def test_sessions_and_players_say_what_was_sent(world: World) -> None:
    got = world.rows(
        "SELECT player_id, session_id, build_id, toUnixTimestamp64Milli(at),"
        " toUnixTimestamp64Milli(ended_at), experiments['exp_hud'] FROM sessions"
    )
    assert sorted(got) == sorted(
        [one.player, one.id, one.build, str(one.begin), str(one.end), one.variant]
        for one in world.history.sessions
    )
    firsts = world.history.firsts()
    count = Counter(one.player for one in world.history.sessions)
    got = world.rows("SELECT player_id, sessions, toUnixTimestamp64Milli(first_seen_at), gpu FROM players")
    by_s4 = {name: gpu for name, gpu in world.history.gpus.items() if int(name[1:]) % 3 != 2}
    assert sorted(got) == sorted(
        [name, str(count[name]), str(first), by_s4.get(name, "")] for name, first in firsts.items()
    )
    assert world.rows("SELECT DISTINCT platform FROM sessions WHERE source != 'unity-telemetry'") == [
        ["Linux"]
    ]


@stack
async def test_dimensions_are_in_their_order(world: World) -> None:
    played = [build for build in BUILDS if build in {one.build for one in world.history.sessions}]
    got = world.rows("SELECT build_id FROM builds ORDER BY position")
    assert [build for (build,) in got] == played
    assert [step for (step,) in world.rows("SELECT step FROM funnels ORDER BY position")] == [*STEPS]
    reached = Counter(step for _, step in {(player, step) for player, step, _ in world.history.steps})
    assert {
        step: int(players) for step, players in world.rows("SELECT step, players FROM funnels")
    } == reached


@stack
async def test_live_ops_views_say_what_was_decided(world: World) -> None:
    history = world.history
    got = world.rows("SELECT player_id, key, toString(amount), cause FROM ledger WHERE type = 'currency'")
    assert sorted(got) == sorted(
        [name, key, str(amount), cause] for name, _, cause, key, amount in history.moves
    )
    best = {name: score for name, _, score in history.scores}
    got = world.rows("SELECT player_id, score, reports, status FROM attempts")
    counted = Counter(name for name, *_ in history.scores)
    assert {row[0]: (float(row[1]), int(row[2])) for row in got} == {
        name: (score, counted[name]) for name, score in best.items()
    }
    assert {row[3] for row in got if float(row[1]) >= 4} == {"completed"}
    opened = world.rows("SELECT player_id, row, chance, rows FROM crate_openings")
    assert sorted((row[0], int(row[1])) for row in opened) == sorted(history.openings)
    assert {(row[1], row[2]) for row in opened} <= {("0", "0.9"), ("1", "0.1")}
    assert {row[3] for row in opened} == {"2"}
    claimed = world.rows("SELECT count() FROM ledger WHERE cause = 'claim'")
    contents = "SELECT countIf(status = 'claimed'), count() FROM grants WHERE trigger = 'crate'"
    assert world.rows(contents) == [[*claimed[0], str(len(history.openings))]]


@stack
async def test_a_player_s_timeline_is_everything_in_order(world: World) -> None:
    rows = world.rows("SELECT at, noun, kind, name FROM player_timeline WHERE player_id = 'p3' ORDER BY at")
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    kinds = Counter(row[2] for row in rows)
    sessions = [one for one in world.history.sessions if one.player == "p3"]
    assert kinds["session-started"] == len(sessions)
    assert kinds["funnel-step"] == sum(name == "p3" for name, *_ in world.history.steps)
    assert kinds["attempt-progressed"] == sum(name == "p3" for name, *_ in world.history.scores)
    assert kinds["attempt-completed"] == kinds["attempt-started"] == 1
    assert {row[1] for row in rows} == {"telemetry", "liveops"}


@stack
async def test_a_database_of_a_release_without_views_gets_them_and_keeps_its_rows(
    clickhouse_url: str,
) -> None:
    """And a second start, and a start of another process meanwhile, change nothing."""
    owner: ClickHouse = await migrated(clickhouse_url, "older_release")
    await owner.command("INSERT INTO insights (studio_id, game_id, insight_id) VALUES ('a', 'g', 'ins')")
    try:
        for _ in range(2):
            assert await apply_views(owner, views()) == NAMES
        rows: list[list[Any]] = await owner.rows("SELECT insight_id FROM older_release_views.insights")
        assert rows == [["ins"]]
    finally:
        await drop_databases(owner)
        await owner.close()
