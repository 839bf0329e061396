"""Visits to rooms, as a reader sees them, are the brute-force definition, in whatever order moments came."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from deploy.analyst_file import AccountFile
from deploy.analysts import Account, password_hash
from deploy.nouns import views
from projections.clickhouse.client import views_database
from projections.clickhouse.system_tables import drop_databases
from projections.clickhouse.views import apply_views
from projections.telemetry.queries.client import ClickHouseQueries
from tests.migrated import migrated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.stack

DATABASE: Final = "questlog"
STUDIO: Final = "studio_rooms"
NAME: Final = "ann-rooms"
PASSWORD: Final = "generated"  # noqa: S105 - of a store that ends with the tests
BEGIN_MS: Final = 1_790_000_000_000
ASKED: Final = (
    "SELECT player_id, session_id, number, room, toUnixTimestamp64Milli(at), toUnixTimestamp64Milli(left_at),"
    " seconds FROM room_visits WHERE game_id = {game:String} ORDER BY player_id, session_id, number"
)


class Moment(NamedTuple):
    """An event or a position; `after_ms` from a fixed moment on, `arrived` is a day."""

    table: str
    player: str
    session: str
    room: str
    after_ms: int
    arrived: int


class World:
    """Moments of a fresh game each time, and a reader of its studio."""

    def __init__(self, url: str, home: Path) -> None:
        self._url = url
        self._home = home

    async def open(self) -> None:
        self.owner = await migrated(self._url, DATABASE)
        await apply_views(self.owner, views())
        account = Account(password_sha256=password_hash(PASSWORD), studio_id=STUDIO)
        await AccountFile(self._home).create(NAME, account)
        address = self._url.split("@")[1]
        self.reader = ClickHouseQueries(f"http://{NAME}:{PASSWORD}@{address}", views_database(DATABASE))

    async def close(self) -> None:
        await self.reader.close()
        await drop_databases(self.owner)
        await self.owner.close()

    async def visits_of(self, inserts: list[list[Moment]]) -> list[list[Any]]:
        """What the view has of moments that came in so many inserts; another studio has them too."""
        game = f"game_{uuid.uuid4().hex[:8]}"
        for moments in inserts:
            for table in {one.table for one in moments}:
                rows = ", ".join(
                    f"('{studio}', '{game}', '{one.room}', '{one.player}', '{one.session}',"
                    f" fromUnixTimestamp64Milli({BEGIN_MS + one.after_ms}, 'UTC'),"
                    f" fromUnixTimestamp64Milli({BEGIN_MS + one.arrived * 86_400_000}, 'UTC'))"
                    for one in moments
                    for studio in (STUDIO, "studio_other")
                    if one.table == table
                )
                await self.owner.command(
                    f"INSERT INTO {table} (studio_id, game_id, room, player_id, session_id, occurred_at,"
                    f" arrived_at) VALUES {rows}"
                )
        return await self.reader.query(ASKED, {"game": game}, seconds=30.0)


@pytest.fixture(scope="module")
def visits_of(clickhouse_url: str, clickhouse_home: Path) -> Iterator[Callable[[Any], list[list[Any]]]]:
    """One event loop for all, so that connections are kept."""
    world = World(clickhouse_url, clickhouse_home)
    with asyncio.Runner() as runner:
        runner.run(world.open())
        yield lambda inserts: runner.run(world.visits_of(inserts))
        runner.run(world.close())


def by_hand(moments: list[Moment]) -> list[list[Any]]:
    """Moments that name no room are no visit's; of the same instant the rooms' names are the order."""
    found = []
    named = sorted(
        (one.player, one.session, BEGIN_MS + one.after_ms, one.room)
        for one in moments
        if one.room not in {"", "unknown"}
    )
    for (player, session), own in itertools.groupby(named, key=lambda one: one[:2]):
        visits: list[list[Any]] = []
        before_ms = 0
        for _, _, at_ms, room in own:
            if visits:
                gap_ms = at_ms - before_ms
                visits[-1][5] = at_ms
                visits[-1][6] += gap_ms if gap_ms <= 30_000 else 0
            if not visits or visits[-1][3] != room:
                visits.append([player, session, len(visits) + 1, room, at_ms, at_ms, 0])
            before_ms = at_ms
        found += [[*visit[:6], visit[6] / 1000] for visit in visits]
    return found


moments = st.builds(
    Moment,
    st.sampled_from(["events", "positions"]),
    st.sampled_from(["p1", "p2"]),
    st.sampled_from(["s1", "s2"]),
    st.sampled_from(["", "unknown", "E1M1", "E1M10", "E1M2", "é", "~"]),
    st.one_of(
        st.integers(-3, 12).map(lambda tens: tens * 10_000),
        st.sampled_from([0, 1, 29_999, 30_000, 30_001, 60_001]),
        st.integers(-400_000, 400_000),
    ),
    st.integers(0, 1),
)


@given(
    inserts=st.lists(st.lists(moments, min_size=1, max_size=60), min_size=1, max_size=3), again=st.booleans()
)
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    phases=[Phase.explicit, Phase.generate],
)
def test_visits_are_the_brute_force_of_late_repeated_and_disordered_moments(
    visits_of: Callable[[Any], list[list[Any]]],
    inserts: list[list[Moment]],
    again: bool,  # noqa: FBT001 - drawn
) -> None:
    told = inserts + inserts[:1] if again else inserts
    assert visits_of(told) == by_hand([one for insert in told for one in insert])


def test_a_visit_ends_where_the_next_begins_and_pauses_are_no_time(
    visits_of: Callable[[Any], list[list[Any]]],
) -> None:
    sent = [
        Moment("positions", "p", "s", room, after_ms, 0)
        for room, after_ms in (
            ("hall", 0),
            ("hall", 30_000),
            ("hall", 60_001),
            ("yard", 65_000),
            ("hall", 70_000),
        )
    ]
    found = visits_of([sent])
    assert [(visit[3], visit[4] - BEGIN_MS, visit[5] - BEGIN_MS, visit[6]) for visit in found] == [
        ("hall", 0, 65_000, 34.999),
        ("yard", 65_000, 70_000, 5.0),
        ("hall", 70_000, 70_000, 0.0),
    ]
