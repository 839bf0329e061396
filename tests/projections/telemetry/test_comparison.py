"""A comparison against brute force over the raw events of a log with late, repeated and disordered ones."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest

from projections.telemetry.queries.client import ClickHouseQueries
from projections.telemetry.queries.comparison import Compared, Comparison, compare
from schemas.studio.assignment import COVERAGE, Assignment, bucket, in_audience
from schemas.studio.experiments import Audience, ExperimentDefinition, Run, Variant
from tests.projections.telemetry.projecting import apply
from tests.projections.telemetry.raw_sessions import SUFFIX, RawSession, Sent
from tests.projections.telemetry.support import GAME, SECOND, START_MS, STUDIO, MemoryLog, s1

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from projections.clickhouse.client import ClickHouse

pytestmark = pytest.mark.stack

DAY: Final = 24 * 3600 * SECOND
KEYS: Final = ("control", "treatment")
BETA = Audience(id="aud_beta", name="Beta", min_build="0.5.0")


def assignment(
    coverage: float = 100,
    audience: Audience | None = None,
    game: str = GAME,
    keys: tuple[str, str] = KEYS,
    **said: Any,
) -> Assignment:
    halves = [Variant(key=key, name=key, allocation=50) for key in keys]
    experiment = ExperimentDefinition(
        id="exp_x", name="X", salt="exp_x", variants=halves, coverage=coverage, **said
    )
    return Assignment(game, experiment, audience)


def compared(asking: Assignment, *runs: Run) -> Compared:
    return Compared(STUDIO, asking.seed.split("\n")[2], asking, runs, [])


@pytest.fixture
async def queries(database: ClickHouse, clickhouse_url: str) -> AsyncIterator[ClickHouseQueries]:
    opened = ClickHouseQueries(clickhouse_url, database.database)
    yield opened
    await opened.close()


ARRIVALS: Final = [START_MS + at for at in (-1, 0, DAY // 3, DAY, 2 * DAY - 1, 2 * DAY, 5 * DAY, 8 * DAY)]
"""Few, because each is a batch of its own; before, at and after the cases' starts and stops."""


NAMES: Final = [
    "a",
    "crash",
    "level_failed",
    "level_failed",
    "level_failed",
    "level_completed",
    "player_death",
]
PLACES: Final = ["Act 2 / Door", "act-2 door", "HUB", ""]
"""The first two are one place."""


class Raw(msgspec.Struct):
    """What was sent of one session, as a reader of the raw log would note it."""

    device: str
    build: str
    arrived: int
    tags: dict[str, str]
    started: int | None
    events: dict[int, Sent]
    ended: bool

    @property
    def times(self) -> set[int]:
        return {event.at_ms for event in self.events.values()}

    @property
    def crashed(self) -> bool:
        return any(event.name == "crash" for event in self.events.values())

    def findings(self) -> Counter[tuple[str, str]]:
        session = RawSession("", self.device, self.build, "")
        session.events, session.closed = self.events, self.ended
        return session.findings()

    @property
    def recorded(self) -> int:
        return self.started if self.started is not None else min(self.times)

    @property
    def active(self) -> int:
        ordered = sorted(self.times)
        gaps = (late - early for early, late in pairwise(ordered))
        return sum(gap for gap in gaps if gap <= 30 * SECOND)


class Generated:
    """One game's batches in the order in which they arrive, and its raw content."""

    def __init__(self, seed: int, game: str, asking: Assignment) -> None:
        self.random = Random(seed)
        self.raw: dict[str, Raw] = {}
        self.arrivals: list[tuple[int, Any]] = []
        self._game = game
        self._asking = asking
        batches: list[tuple[int, str, dict[str, Any]]] = []
        for number in range(80):
            device = f"device_{number}"
            for visit in range(self.random.randint(1, 3)):
                batches += self._session(device, f"s_{number}_{visit}")
        for arrived, session, body in sorted(batches, key=lambda batch: batch[:2]):
            self._arrive(arrived, session, body)

    def _session(self, device: str, session: str) -> list[tuple[int, str, dict[str, Any]]]:
        random = self.random
        build = random.choice(["0.4.9", "0.5.0", "0.6.0-rc1"])
        begin = START_MS + random.choice([0, 0, 1, 2, 7]) * DAY + random.randrange(DAY)
        events = [
            {"name": random.choice(NAMES), "seq": n, "room": random.choice(PLACES)}
            | {"t": begin + at * SECOND}
            for n, at in enumerate(random.sample(range(400), random.randint(1, 24)))
        ]
        right = self._asking.variant(device, build)
        tag = random.choice([right, right, right, right, "control", "treatment", "nonsense"])
        tags = {"exp_x": tag, "exp_other": "a"} if tag else random.choice([{}, {"exp_other": "b"}])
        common: dict[str, Any] = {"deviceId": device, "metadata": {"gameVersion": build}}
        if random.random() < 0.3:
            common["startedAt"] = begin - random.randrange(0, 2 * DAY)
        cut = random.randrange(len(events) + 1)
        first = common | {"events": events[:cut], "experiments": random.choice([tags, tags, {}])}
        later = common | {"events": events[cut:], "experiments": tags, "ended": random.random() < 0.8}
        again = later | {"experiments": {"exp_x": "control"}}  # too late to count
        arrivals = random.choices(ARRIVALS, k=3)
        return list(zip(arrivals, [session] * 3, [first, later, again], strict=True))

    def _arrive(self, arrived: int, session: str, body: dict[str, Any]) -> None:
        said = {name: value for name, value in body.items() if name != "events"}
        self.arrivals.append((arrived, s1(session, *body["events"], game=self._game, **said)))
        known = self.raw.setdefault(
            session,
            Raw(body["deviceId"], body["metadata"]["gameVersion"], arrived, {}, None, {}, ended=False),
        )
        known.tags = known.tags or body["experiments"]
        if known.started is None:
            known.started = body.get("startedAt")
        for event in body["events"]:
            known.events[event["seq"]] = Sent(event["seq"], event["t"], event["name"], event["room"])
        known.ended |= body.get("ended", False)

    def sessions(self) -> list[Raw]:
        return [one for one in self.raw.values() if one.times]


def verdict(one: Raw, asking: Assignment, runs: list[Run]) -> str:
    """Straight from the contract's words."""
    if not any(
        run.started_at_ms <= one.arrived
        and (run.stopped_at_ms is None or one.arrived < run.stopped_at_ms + DAY)
        for run in runs
    ):
        return "notRunning"
    if one.device in asking.pins:
        return "pinned"
    if asking.audience is not None and not in_audience(asking.audience, one.device, one.build):
        return "notInAudience"
    right = asking.variant(one.device, one.build)
    return right if right is not None and right == one.tags["exp_x"] else "wrongVariant"


def brute_force(
    raw: list[Raw], asking: Assignment, runs: list[Run], now: int
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    judged: dict[str, list[Raw]] = defaultdict(list)
    for one in raw:
        if "exp_x" in one.tags:
            judged[verdict(one, asking, runs)].append(one)
    variants: list[dict[str, Any]] = []
    for key in (split.key for split in asking.splits):
        sessions = judged[key]
        exposed: dict[str, int] = {}
        for one in sessions:
            exposed[one.device] = min(one.recorded, exposed.get(one.device, one.recorded))
        closed = [one for one in sessions if one.ended]
        days = []
        for day in (1, 2, 7):
            due = {device for device, at in exposed.items() if at + (day + 1) * DAY <= now}
            back = {
                one.device
                for one in raw
                if one.device in due
                and exposed[one.device] + day * DAY <= one.recorded < exposed[one.device] + (day + 1) * DAY
            }
            days.append((day, len(due), len(back)))
        variants.append(
            {
                "sessions": len(sessions),
                "closed": len(closed),
                "crashed": sum(one.crashed for one in closed),
                "wall_ms": sum(max(one.times) - min(one.times) for one in closed),
                "active_ms": sum(one.active for one in closed),
                "exposures": len(exposed),
                "retention": days,
                **said_of(sessions),
            }
        )
    rejected = {name: len(judged[name]) for name in ("notRunning", "pinned", "notInAudience", "wrongVariant")}
    return variants, rejected


def said_of(sessions: list[Raw]) -> dict[str, Any]:
    """What was found in sessions: the clusters of most testers, and how many findings there are."""
    testers: dict[tuple[str, str], set[str]] = defaultdict(set)
    findings: Counter[str] = Counter()
    for one in sessions:
        for (kind, tag), times in one.findings().items():
            testers[kind, tag].add(one.device)
            findings[kind] += times
    said: dict[str, Any] = {}
    kinds = {"friction": {"bug-report", "difficulty-spike", "pacing-issue", "stuck-point"}}
    for name, meant in (kinds | {"praise": {"positive-moment"}}).items():
        clusters = [
            (-len(devices), kind, tag if tag == kind else tag.removesuffix(f"-{SUFFIX.get(kind, kind)}"))
            for (kind, tag), devices in testers.items()
            if kind in meant
        ]
        said[name] = [(kind, tag, -count) for count, kind, tag in sorted(clusters)[:5]]
        said[f"{name}_count"] = sum(findings[kind] for kind in meant)
    return said


CASES: Final = {
    "game_running": (assignment(game="game_running"), [Run(START_MS)]),
    "game_audience": (
        assignment(60, BETA, "game_audience", pins={"device_3": "treatment", "device_4": "control"}),
        [Run(START_MS + DAY // 3, START_MS + DAY), Run(START_MS + 5 * DAY)],
    ),
    "game_stopped": (assignment(50, game="game_stopped"), [Run(START_MS, START_MS + DAY)]),
    "game_draft": (assignment(game="game_draft"), []),
    "game_named": (assignment(game="game_named", keys=("-notRunning", "treatment")), [Run(START_MS)]),
}
"""Games of one log: everybody and still running; an audience, coverage, pins and two runs; one run; none; a
variant whose key looks like a reason."""


def figures(found: Comparison) -> tuple[list[dict[str, Any]], dict[str, int]]:
    variants = [
        {
            "sessions": one.sessions,
            "closed": one.closed,
            "crashed": one.crashed,
            "wall_ms": one.wall_ms,
            "active_ms": one.active_ms,
            "exposures": one.exposures,
            "retention": [(day.day, day.eligible, day.retained) for day in one.retention],
            "friction": [(each.type, each.tag, each.count) for each in one.friction],
            "friction_count": one.friction_count,
            "praise": [(each.type, each.tag, each.count) for each in one.praise],
            "praise_count": one.praise_count,
        }
        for one in found.variants
    ]
    return variants, found.rejected


async def test_every_figure_is_that_of_brute_force(database: ClickHouse, queries: ClickHouseQueries) -> None:
    games = {game: Generated(11, game, asking) for game, (asking, _) in CASES.items()}
    log = MemoryLog()
    for arrived, sent in sorted(
        (one for world in games.values() for one in world.arrivals), key=lambda one: one[0]
    ):
        log.put(sent, at_ms=arrived)
    await apply(database, log)
    rejected, crashes, returns, praised = set(), 0, 0, 0
    for game, (asking, runs) in CASES.items():
        for now in (START_MS + 3 * DAY, START_MS + 12 * DAY):
            found = await compare(queries, compared(asking, *runs), now)
            assert figures(found) == brute_force(games[game].sessions(), asking, runs, now)
        rejected |= {name for name, count in found.rejected.items() if count}
        if runs:
            assert all(one.sessions and one.closed for one in found.variants)
            assert all(one.friction for one in found.variants)
            praised += sum(one.praise_count for one in found.variants)
            crashes += sum(one.crashed for one in found.variants)
            returns += sum(day.retained for one in found.variants for day in one.retention)
    assert rejected == {"notRunning", "pinned", "notInAudience", "wrongVariant"}
    assert crashes
    assert returns
    assert praised


async def test_more_coverage_moves_no_covered_device(
    database: ClickHouse, queries: ClickHouseQueries
) -> None:
    narrow, wide = assignment(20), assignment(60)
    log = MemoryLog()
    for number in range(400):
        device = f"device_{number}"
        tag = wide.variant(device, "0.5.0")
        if tag is not None:
            log.put(visit(device, START_MS, tag), at_ms=START_MS)
    await apply(database, log)
    before = await compare(queries, compared(narrow, Run(START_MS)), START_MS)
    after = await compare(queries, compared(wide, Run(START_MS)), START_MS)
    covered = [bucket(wide.seed, f"device_{n}", COVERAGE) < 2000 for n in range(400)]
    assert sum(one.exposures for one in before.variants) == sum(covered)
    assert before.rejected["wrongVariant"] == sum(one.exposures for one in after.variants) - sum(covered)
    assert after.rejected["wrongVariant"] == 0


def visit(device: str, at_ms: int, tag: str | None, session: str = "", **more: Any) -> Any:
    said: dict[str, Any] = {"deviceId": device, "metadata": {"gameVersion": "0.5.0"}, "ended": True}
    tags: dict[str, Any] = {"experiments": {"exp_x": tag}} if tag is not None else {}
    name = session or f"{device} {at_ms}"
    return s1(name, {"name": "a", "t": at_ms, "seq": 1}, **(said | tags | more))


async def test_a_tag_counts_from_the_instant_of_a_start_until_a_day_after_a_stop(
    database: ClickHouse, queries: ClickHouseQueries
) -> None:
    asking = assignment()
    start, stop = START_MS, START_MS + 1000
    resumed, stopped = stop + 3 * DAY, stop + 4 * DAY
    arrivals = {
        start - 1: False,
        start: True,
        stop: True,
        stop + DAY - 1: True,
        stop + DAY: False,
        resumed - 1: False,
        resumed: True,
        stopped + DAY - 1: True,
        stopped + DAY: False,
    }
    log = MemoryLog()
    for number, at_ms in enumerate(arrivals):
        device = f"device_{number}"
        log.put(visit(device, START_MS, asking.variant(device, "")), at_ms=at_ms)
    await apply(database, log)
    runs = (Run(start, stop), Run(resumed, stopped))
    found = await compare(queries, compared(asking, *runs), START_MS)
    assert sum(one.sessions for one in found.variants) == sum(arrivals.values())
    assert found.rejected["notRunning"] == len(arrivals) - sum(arrivals.values())


RETURNS: Final = {
    DAY - 1: None,
    DAY: 1,
    2 * DAY - 1: 1,
    2 * DAY: 2,
    3 * DAY - 1: 2,
    3 * DAY: None,
    7 * DAY - 1: None,
    7 * DAY: 7,
    8 * DAY - 1: 7,
    8 * DAY: None,
}
"""How long after its exposure a device comes back, and on which day that is."""


async def test_retention_has_edges_of_a_millisecond(database: ClickHouse, queries: ClickHouseQueries) -> None:
    asking = assignment()
    log = MemoryLog()
    for back in RETURNS:
        device = f"device_{back}"
        log.put(visit(device, START_MS, asking.variant(device, "")))
    for back in RETURNS:  # without a tag: it counts as a return
        log.put(visit(f"device_{back}", START_MS + back, None), at_ms=START_MS + 8 * DAY)
    await apply(database, log)
    for now, days in ((START_MS + 8 * DAY - 1, (1, 2)), (START_MS + 8 * DAY, (1, 2, 7))):
        found = await compare(queries, compared(asking, Run(START_MS)), now)
        for one in found.variants:
            mine = [day for back, day in RETURNS.items() if asking.variant(f"device_{back}", "") == one.key]
            assert [(each.day, each.eligible, each.retained) for each in one.retention] == [
                (day, len(mine), mine.count(day)) if day in days else (day, 0, 0) for day in (1, 2, 7)
            ]


async def test_late_events_that_move_the_first_exposure(
    database: ClickHouse, queries: ClickHouseQueries
) -> None:
    asking = assignment()
    tag = asking.variant("device_1", "")
    log = MemoryLog()
    log.put(visit("device_1", START_MS + 2 * DAY, tag, "first"), at_ms=START_MS + 2 * DAY)
    log.put(visit("device_1", START_MS + 4 * DAY, tag, "second"), at_ms=START_MS + 4 * DAY)
    await apply(database, log)
    asked, now = compared(asking, Run(START_MS)), START_MS + 6 * DAY

    async def retained() -> list[int]:
        found = await compare(queries, asked, now)
        return [day.retained for one in found.variants if one.key == tag for day in one.retention]

    assert await retained() == [0, 1, 0]
    late = s1("first", {"name": "a", "t": START_MS + 2 * DAY + DAY // 2, "seq": 2}, deviceId="device_1")
    log.put(late, at_ms=START_MS + 5 * DAY)
    await apply(database, log)
    assert await retained() == [0, 1, 0]  # a later event of the session does not
    early = s1("first", {"name": "a", "t": START_MS + 3, "seq": 3}, deviceId="device_1")
    log.put(early, at_ms=START_MS + 5 * DAY)
    await apply(database, log)
    assert await retained() == [0, 0, 0]  # it began two days earlier: "second" is on its third day


async def test_the_first_tags_of_a_session_count(database: ClickHouse, queries: ClickHouseQueries) -> None:
    asking = assignment()
    tag = asking.variant("device_1", "") or ""
    other = {"control": "treatment", "treatment": "control"}[tag]
    log = MemoryLog()
    for tags in ({}, {"exp_x": tag}, {"exp_x": other}, {}):
        log.put(visit("device_1", START_MS, None, "one", experiments=tags))
    for tags in ({"exp_x": other}, {"exp_x": tag}):
        log.put(visit("device_1", START_MS, None, "two", experiments=tags))
    await apply(database, log)
    found = await compare(queries, compared(asking, Run(START_MS)), START_MS)
    assert {one.key: one.sessions for one in found.variants} == {tag: 1, other: 0}
    assert found.rejected["wrongVariant"] == 1
