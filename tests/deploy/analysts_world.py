"""A generated history of a game for analysts, written by the real projections, and the same as plain lists.

What analysts read is compared with the lists: nothing of the code under test makes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from deploy.analyst_file import AccountFile
from deploy.analysts import Account, password_hash
from deploy.nouns import views
from projections.clickhouse.noun_tables import NounTables
from projections.clickhouse.views import apply_views
from projections.liveops.tables import LIVEOPS_TABLES
from projections.telemetry.reader import TelemetryReader
from schemas.codec import Message
from schemas.envelope import Decided, Event
from schemas.liveops import commands
from schemas.liveops.events import (
    EVENTS,
    AttemptCompleted,
    AttemptProgressed,
    CrateOpened,
    GrantCreated,
    WalletChanged,
)
from schemas.liveops.noun import LIVEOPS_EVENTS
from schemas.telemetry.record import TelemetryEntry
from tests.migrated import migrated
from tests.projections.redis.support import ListLog
from tests.projections.telemetry.support import START_MS, MemoryLog, funnel, gameplay, s1, s4, trajectory
from tests.projections.telemetry.support import player as created
from tests.streams.deciders.liveops.given import CRATE, Liveops, aggregate, event

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse

GAME: Final = "game_1"
STUDIO: Final = "stu_1"
OTHER: Final = "stu_2"
DATABASE: Final = "questlog"
VIEWS: Final = "questlog_views"
DAY_MS: Final = 86_400_000
BUILDS: Final = ("0.9", "0.10-rc1", "0.10")
"""In their order, which is not that of texts."""
STEPS: Final = ("start", "first-kill", "exit")
GPUS: Final = {"RTX 4090": 140.0, "GTX 1050": 45.0, "Iris": 20.0}
PAUSE_MS: Final = 45_000
"""Before the fifth event of each session."""
PASSWORD: Final = "generated"  # noqa: S105 - of a store that ends with the tests


class Session(NamedTuple):
    """A session as it was sent; times in unix ms."""

    player: str
    id: str
    build: str
    begin: int
    end: int
    room: str
    variant: str
    """Of exp_hud; empty where none was said."""


class Happened(NamedTuple):
    """An event as it was sent."""

    player: str
    session: str
    at: int
    name: str
    room: str
    x: float
    y: float


@dataclass
class History:
    """What was sent and what happened."""

    sessions: list[Session] = field(default_factory=list)
    steps: list[tuple[str, str, int]] = field(default_factory=list)
    """Player, step, unix ms."""
    frames: list[tuple[str, float, float, int]] = field(default_factory=list)
    """Player, mean, slowest 1 %, points."""
    gpus: dict[str, str] = field(default_factory=dict)
    moves: list[tuple[str, int, str, str, int]] = field(default_factory=list)
    """Player, unix ms, cause, key, amount."""
    scores: list[tuple[str, int, float]] = field(default_factory=list)
    """Player, unix ms, what the attempt comes to."""
    openings: list[tuple[str, int]] = field(default_factory=list)
    """Player, row."""
    events: list[Happened] = field(default_factory=list)
    others: list[tuple[str, int]] = field(default_factory=list)
    """Session and unix ms of what else was sent in it: steps, begins and ends of trajectories."""
    countries: dict[str, str] = field(default_factory=dict)
    """By player; of those by S4."""
    answers: list[tuple[str, str, str]] = field(default_factory=list)
    """Session, field, answer."""

    def firsts(self) -> dict[str, int]:
        """When each player's first session began."""
        begins: dict[str, int] = {}
        for one in self.sessions:
            begins[one.player] = min(begins.get(one.player, one.begin), one.begin)
        return begins


def telemetry(history: History, log: MemoryLog, random: Random) -> None:
    """Thirty players over weeks, who come back less and less; every third by S1."""
    sent: list[tuple[int, TelemetryEntry]] = []
    for number in range(30):
        name = f"p{number}"
        history.gpus[name] = random.choice([*GPUS])
        arrived = START_MS + random.randrange(10 * DAY_MS)
        day, visit = 0, 0
        while visit == 0 or random.random() < 0.75:
            begin = arrived + day * DAY_MS + random.randrange(DAY_MS // 2) * (visit > 0)
            _session(history, sent, random, name=name, visit=visit, begin=begin, by_s1=number % 3 == 2)
            visit += 1
            day += random.choice((1, 1, 2, 6))
    for at_ms, entry in sorted(sent, key=lambda one: one[0]):
        log.put(entry, at_ms=at_ms)


def _session(
    history: History,
    sent: list[tuple[int, TelemetryEntry]],
    random: Random,
    *,
    name: str,
    visit: int,
    begin: int,
    by_s1: bool,
) -> None:
    build = BUILDS[min(2, (begin - START_MS) // (6 * DAY_MS))]
    room = random.choice(("E1M1", "E1M2"))
    variant = random.choice(("control", "fierce")) if by_s1 else ""
    times = [begin + 10_000 * place + PAUSE_MS * (place > 3) for place in range(random.randrange(2, 9))]
    session = f"{name}-{visit}"
    happened = _happened(name, visit, times, room, by_s1=by_s1)
    history.events += happened
    if by_s1:
        history.sessions.append(Session(name, session, build, begin, times[-1], room, variant))
        events = [{"name": one.name, "t": one.at, "room": one.room} for one in happened]
        about = {"metadata": {"gameVersion": build}, "deviceId": name, "experiments": {"exp_hud": variant}}
        sent.append((begin + 60_000, s1(session, *events, game=GAME, studio_id=STUDIO, **about)))
        return
    shared: dict[str, Any] = {"app_id": GAME, "build_id": build, "player_id": name, "session_id": session}
    items: list[dict[str, Any]] = [
        gameplay(one.at, one.name, **(shared | {"level_id": one.room, "position": [one.x, one.y, 0.0]}))
        for one in happened
    ]
    mean = GPUS[history.gpus[name]] * random.uniform(0.8, 1.2)
    points = random.randrange(2, 6)
    frame = {"mean": mean, "low_5": mean / 2, "low_1": mean / 4}
    items.append(trajectory(begin, begin + 5_000, points, **(shared | {"fps": frame, "level_id": room})))
    history.frames.append((name, mean, mean / 4, points))
    history.others += [(session, begin), (session, begin + 5_000)]
    at = begin
    for step in STEPS[: random.randrange(4)]:
        at += random.randrange(1_000, 9_000)
        items.append(funnel(at, step) | shared)
        history.steps.append((name, step, at))
        history.others.append((session, at))
    end = max(times[-1], begin + 5_000, at)
    history.sessions.append(Session(name, session, build, begin, end, room, variant))
    if visit == 0:
        hardware = {"gpu": history.gpus[name], "os": "Linux", "ram": "32GB"}
        items.append(created(begin, name) | {"app_id": GAME, "build_id": build, "hardware": hardware})
    country = history.countries.setdefault(name, ("DE", "FR")[int(name[1:]) % 2])
    sent.append((begin + 60_000, s4(*items, game=GAME, studio_id=STUDIO, country=country)))


def _happened(name: str, visit: int, times: list[int], room: str, *, by_s1: bool) -> list[Happened]:
    """Deaths at their places; a crash ends some sessions; every other visit's end is elsewhere."""
    names = ["player_death" if place % 3 == 1 and not by_s1 else "tick" for place in range(len(times))]
    if visit % 3 == 1:
        names[-1] = "crash"
    return [
        Happened(
            *(name, f"{name}-{visit}", at, names[place]),
            room if place < 3 or visit % 2 == 0 else "E1M3",
            x=place * 7.0,
            y=place % 2 * 30.0,
        )
        for place, at in enumerate(times)
    ]


def liveops(history: History, log: ListLog, random: Random) -> None:
    """What the real decider says of twenty players: attempts, scores, crates, money. One cheats: p3."""
    reward = [{"trigger": "completed", "crate": CRATE}]
    world = Liveops(event(target={"metric": "frags", "value": 4}, rewards=reward))

    def tell(body: Message, name: str) -> list[Message]:
        world.at_ms += random.randrange(1, 20_000)
        events = world.given(body, name)
        game = [_of_game(one) for one in events]
        log.append(
            Decided(
                command_id=f"c{world.count}",
                studio_id=STUDIO,
                game_id=GAME,
                keyed=True,
                fingerprint=b"f",
                events=[
                    Event(
                        type=one.WIRE,
                        aggregate_id=aggregate(body, name),
                        sequence=1,
                        at_ms=world.at_ms,
                        data=EVENTS.encode(one),
                    )
                    for one in game
                ],
            )
        )
        for one in events:
            _note(history, one, name, world.at_ms)
        return events

    for number in range(20):
        name = f"p{number}"
        (attempt,) = [
            one.attempt.id
            for one in tell(commands.StartAttempt(event_key="frags", window_id=world.window()), name)
            if hasattr(one, "attempt")
        ]
        for _ in range(random.randrange(1, 4)):
            frags = 400.0 if name == "p3" else float(random.randrange(1, 5))
            done = tell(
                commands.ReportProgress(
                    event_key="frags", attempt_id=attempt, mode="increment", metric_value=frags
                ),
                name,
            )
            done_with = any(isinstance(one, AttemptCompleted) for one in done)
            for crate in [one.grant for one in done if isinstance(one, GrantCreated)]:
                (opened,) = [
                    one
                    for one in tell(commands.OpenCrate(grant_id=crate.id), name)
                    if isinstance(one, CrateOpened)
                ]
                if random.random() < 0.5:
                    tell(commands.ClaimGrant(grant_id=opened.contents.id), name)
            if done_with:
                break
        tell(commands.CreditWallet(economy_key="gold", amount=random.randrange(50, 99), reason="gift"), name)
        tell(commands.DebitWallet(economy_key="gold", amount=random.randrange(1, 50), reason="shop"), name)


def _of_game(message: Message) -> Message:
    """The decider's tests have one game, which is called as this one is."""
    assert getattr(message, "game_id", GAME) == GAME
    return message


def _note(history: History, one: Message, name: str, at_ms: int) -> None:
    if isinstance(one, WalletChanged):
        moved = one.movement
        history.moves.append((name, at_ms, moved.cause, moved.key, moved.amount))
    elif isinstance(one, AttemptProgressed):
        history.scores.append((name, at_ms, one.attempt.score))
    elif isinstance(one, CrateOpened):
        assert one.contents.roll is not None
        history.openings.append((name, one.contents.roll.row))


MORE: Final = (
    (
        "studio_games (studio_id, game_id, slug, forms, funnels, catalog, events)"
        ' VALUES (\'stu_1\', \'game_1\', \'doom\', \'[{"id":"ff_1","fields":[{"id":"q1"}]}]\','
        ' \'[{"key":"campaign","steps":["start"]}]\', \'{"items":[{"itemKey":"medkit"}]}\','
        ' \'[{"eventKey":"frags"}]\')'
    ),
    "playtest_orders (studio_id, game_id, id, status) VALUES ('stu_1', 'game_1', 'pt_1', 'active')",
    (
        "playtest_slots (studio_id, game_id, playtest_id, id, submitted_at)"
        " VALUES ('stu_1', 'game_1', 'pt_1', 'slot_1', 1790000000)"
    ),
    (
        "playtest_keys (studio_id, game_id, batch_id, id, status, redeemed_at, handle)"
        " VALUES ('stu_1', 'game_1', 'ptb_1', 'key_1', 'redeemed', 1790000000, 'RedFox')"
    ),
    (
        "tester_links (studio_id, game_id, handle, device_id, claimed_at, key_id)"
        " VALUES ('stu_1', 'game_1', 'RedFox', 'p2', 1790000000, 'key_1')"
    ),
    "fleet_servers (studio_id, game_id, instance_id, name) VALUES ('stu_1', 'game_1', 'srv_1', 'arena')",
    "fleet_transitions (studio_id, game_id, instance_id, event) VALUES ('stu_1', 'game_1', 'srv_1', 'ready')",
    "fleet_builds (studio_id, game_id, build_id, name) VALUES ('stu_1', 'game_1', 'sb_1', 'arena')",
    (
        "fleet_logs (studio_id, game_id, instance_id, at, message)"
        " SELECT 'stu_1', 'game_1', 'srv_1', now64(3), 'ready'"
    ),
    "fleet_metrics (studio_id, game_id, instance_id, at) SELECT 'stu_1', 'game_1', 'srv_1', now64(3)",
    (
        "feedback (studio_id, game_id, form_id, submission_id, player_id, answers) VALUES ('stu_1', 'game_1',"
        ' \'ff_1\', \'sub_1\', \'p2\', \'[{"fieldId":"q1","value":4},{"fieldId":"q2","value":"good"}]\')'
    ),
    "messages (studio_id, game_id, session_id, number, text) VALUES ('stu_1', 'game_1', 'd', 1, 'hello')",
    (
        "insights (studio_id, game_id, session_id, player_id, insight_id, type)"
        " VALUES ('stu_1', 'game_1', 'p0-0', 'p0', 'ins_1', 'session-summary')"
    ),
    (
        "liveops_final_entries (studio_id, game_id, event_key, board_id, rank, external_id, score)"
        " VALUES ('stu_1', 'game_1', 'frags', 'lb_old', 1, 'p3', 9)"
    ),
)
"""A row of each table that the history leaves empty."""


async def write(url: str, home: Path, accounts: Sequence[tuple[str, str]]) -> tuple[ClickHouse, History]:
    """Write the history where readers look, with the views and accounts (name, studio).

    Returns the owner's client, and what was written.
    """
    random, history = Random(15), History()
    owner = await migrated(url, DATABASE)
    requests, events = MemoryLog(), ListLog(LIVEOPS_EVENTS)
    telemetry(history, requests, random)
    liveops(history, events, random)
    reader = TelemetryReader(
        owner,
        topic="telemetry",
        partitions=1,
        tail=requests,
        appender=requests,
        clock_ms=lambda: requests.now_ms,
    )
    await reader.assigned(0)
    for record in requests.records[0]:
        await reader.handle(record)
    await reader.flush(0)
    now_ms = 1_800_000_000_000
    tables = NounTables(owner, LIVEOPS_TABLES, tail=events, clock_ms=lambda: now_ms)
    await tables.assigned(0)
    for told in events.records[0]:
        await tables.handle(told)
    await tables.flush(0)
    for insert in MORE:
        await owner.command(f"INSERT INTO {insert}")
    await apply_views(owner, views())
    for name, studio in accounts:
        account = Account(password_sha256=password_hash(PASSWORD), studio_id=studio)
        await AccountFile(home).create(name, account)
    return owner, history
