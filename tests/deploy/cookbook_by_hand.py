"""What the cookbooks' questions say of a history, counted in plain Python: nothing of the queries is used."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, Final

from tests.deploy.analysts_world import BUILDS, DAY_MS, STEPS, History

UNTIL_MS: Final = 1_780_500_000_000
TIMES: Final = 5.0
PLAYER: Final = "p3"
ROOM: Final = "E1M1"
CELL: Final = 10.0
Rows = list[list[Any]]


def day(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def date(at_ms: int) -> str:
    return f"{day(at_ms):%Y-%m-%d}"


def retention(history: History) -> Rows:
    rows: Rows = []
    for number in (1, 3, 7):
        eligible, retained = set(), set()
        for player, first in history.firsts().items():
            begin, end = first + number * DAY_MS, first + (number + 1) * DAY_MS
            if end <= UNTIL_MS:
                eligible.add(player)
                if any(one.player == player and begin <= one.begin < end for one in history.sessions):
                    retained.add(player)
        rate = round(len(retained) / len(eligible), 4) if eligible else None
        rows.append([number, len(eligible), len(retained), rate])
    return rows


def funnel(history: History) -> Rows:
    first: dict[tuple[str, str], int] = {}
    for player, step, at in history.steps:
        first[player, step] = min(first.get((player, step), at), at)
    rows: Rows = []
    for place, step in enumerate(STEPS):
        here = {player for player, reached in first if reached == step}
        before = {player for player in here if place and (player, STEPS[place - 1]) in first}
        took = [(first[player, step] - first[player, STEPS[place - 1]]) / 1000 for player in before]
        rows.append([place + 1, step, len(here), len(before), round(median(took), 6) if took else None])
    return rows


def churn_by_build(history: History) -> Rows:
    last = {one.player: one for one in sorted(history.sessions, key=lambda one: one.begin)}
    ends: dict[str, int] = defaultdict(int)
    for one in history.sessions:
        ends[one.player] = max(ends[one.player], one.end)
    rows: Rows = []
    for place, build in enumerate(BUILDS):
        players = [player for player, one in last.items() if one.build == build]
        churned = [player for player in players if ends[player] < UNTIL_MS - 7 * DAY_MS]
        if players:
            rows.append([place + 1, build, len(players), len(churned), round(len(churned) / len(players), 4)])
    return rows


def fps_by_gpu(history: History) -> Rows:
    rows: Rows = []
    for gpu in {history.gpus[player] for player, *_ in history.frames}:
        frames = [one for one in history.frames if history.gpus[one[0]] == gpu]
        points = sum(one[3] for one in frames)
        mean = sum(one[1] * one[3] for one in frames) / points
        players = len({one[0] for one in frames})
        rows.append([gpu, players, len(frames), round(mean, 3), round(min(one[2] for one in frames), 3)])
    return sorted(rows, key=lambda row: row[3])


def cohort(history: History) -> Rows:
    def monday(at_ms: int) -> datetime:
        at = day(at_ms).replace(hour=0, minute=0, second=0, microsecond=0)
        return at - timedelta(days=at.weekday())

    firsts = history.firsts()
    seen = {
        (monday(firsts[one.player]), (monday(one.begin) - monday(firsts[one.player])).days // 7, one.player)
        for one in history.sessions
    }
    counted = Counter((begin, week) for begin, week, _ in seen)
    return [[f"{begin:%Y-%m-%d}", week, counted[begin, week]] for begin, week in sorted(counted)]


def economy(history: History) -> Rows:
    groups: dict[tuple[str, str, str], list[tuple[str, int]]] = defaultdict(list)
    for player, at_ms, cause, key, amount in history.moves:
        if key == "gold":
            groups[date(at_ms), key, cause].append((player, amount))
    return [
        [
            *named,
            len({player for player, _ in moves}),
            sum(amount for _, amount in moves if amount > 0),
            -sum(amount for _, amount in moves if amount < 0),
        ]
        for named, moves in sorted(groups.items())
    ]


def cheat_hunt(history: History) -> Rows:
    before: dict[str, float] = defaultdict(float)
    largest: dict[str, tuple[float, int]] = {}
    for player, at_ms, score in history.scores:
        gain = score - before[player]
        before[player] = score
        if player not in largest or gain > largest[player][0]:
            largest[player] = (gain, at_ms)
    usual = median(gain for gain, _ in largest.values())
    return [
        ["frags", player, f"{day(at_ms):%Y-%m-%d %H:%M:%S}.{at_ms % 1000:03d}", gain, round(gain / usual, 2)]
        for player, (gain, at_ms) in sorted(largest.items())
        if gain > usual * TIMES
    ]


def crate_odds(history: History) -> Rows:
    drawn = Counter(row for _, row in history.openings)
    total, chances = len(history.openings), (0.9, 0.1)
    return [
        [
            row,
            count,
            chances[row],
            round(count / total, 4),
            round((count - total * chances[row]) / (total * chances[row] * (1 - chances[row])) ** 0.5, 3),
        ]
        for row, count in sorted(drawn.items())
    ]


def active_players(history: History) -> Rows:
    active = {(one.player, day(one.begin).date()) for one in history.sessions}
    rows: Rows = []
    on = min(when for _, when in active)
    while on <= min(day(UNTIL_MS).date(), max(when for _, when in active) + timedelta(days=29)):
        counts = [
            len({player for player, when in active if on - timedelta(days=days) < when <= on})
            for days in (1, 7, 30)
        ]
        if counts[2]:
            rows.append([f"{on}", *counts, round(counts[0] / counts[2], 4)])
        on += timedelta(days=1)
    return rows


def events_by_day(history: History) -> Rows:
    counted = Counter((date(one.at), one.name) for one in history.events)
    rows = [[*named, count] for named, count in counted.items()]
    return sorted(rows, key=lambda row: (row[0], -row[2], row[1]))


def session_lengths(history: History) -> Rows:
    active: dict[str, float] = {}
    for one in history.sessions:
        times = sorted(at for session, at in moments(history) if session == one.id)
        gaps = [later - at for at, later in itertools.pairwise(times)]
        active[one.id] = sum(gap for gap in gaps if gap <= 30_000) / 1000
    rows: Rows = []
    for place, build in enumerate(BUILDS):
        own = [one for one in history.sessions if one.build == build]
        if own:
            lengths = sorted((one.end - one.begin) / 1000 for one in own)
            middle = median(active[one.id] for one in own)
            rows.append([place + 1, build, len(own), median(lengths), quantile(lengths, 0.9), middle])
    return rows


def moments(history: History) -> list[tuple[str, int]]:
    """Session and time of all that was sent in it: events, steps, the points of trajectories."""
    return [(one.session, one.at) for one in history.events] + history.others


def quantile(values: list[float], share: float) -> float:
    """Of sorted values, with what lies between two of them."""
    place = share * (len(values) - 1)
    low = math.floor(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def last_rooms(history: History) -> Rows:
    ends: dict[str, Any] = {}
    for one in history.events:
        if one.session not in ends or one.at > ends[one.session].at:
            ends[one.session] = one
    last: dict[str, int] = {}
    for one in ends.values():
        last[one.player] = max(last.get(one.player, 0), one.at)
    rooms = Counter(one.room for one in ends.values())
    final = Counter(one.room for one in ends.values() if one.at == last[one.player])
    rows = [[room, count, final[room], round(count / len(ends), 4)] for room, count in rooms.items()]
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def player_timeline(history: History) -> Rows:
    """Time, kind and name of what telemetry holds, the latest first."""
    own = [one for one in history.sessions if one.player == PLAYER]
    told = [(one.at, "event", one.name) for one in history.events if one.player == PLAYER]
    told += [(at, "funnel-step", step) for name, step, at in history.steps if name == PLAYER]
    told += [(one.begin, "session-started", one.build) for one in own]
    told += [(one.begin, "trajectory", one.room) for one in own]
    told.append((own[0].begin, "player-created", own[0].build))
    ordered = sorted(told, key=lambda one: (-one[0], one[1], one[2]))
    return [[f"{day(at):%Y-%m-%d %H:%M:%S}.{at % 1000:03d}", kind, name] for at, kind, name in ordered]


def death_heatmap(history: History) -> Rows:
    cells: dict[tuple[float, float], list[str]] = defaultdict(list)
    for one in history.events:
        if one.name == "player_death" and one.room == ROOM:
            cells[one.x // CELL * CELL, one.y // CELL * CELL].append(one.player)
    rows = [[*cell, len(died), len(set(died))] for cell, died in cells.items()]
    return sorted(rows, key=lambda row: (-row[2], row[0], row[1]))


def room_times(history: History) -> Rows:
    """Rooms change once in a session, if at all; the trajectory's points lie before."""
    seconds: dict[str, list[float]] = defaultdict(list)
    players: dict[str, set[str]] = defaultdict(set)
    sessions: dict[str, list[Any]] = defaultdict(list)
    for one in history.events:
        sessions[one.session].append(one)
    for events in sessions.values():
        spent: dict[str, int] = {}
        for one, following in zip(events, [*events[1:], events[-1]], strict=True):
            gap = following.at - one.at
            spent[one.room] = spent.get(one.room, 0) + (gap if gap <= 30_000 else 0)
        for room, taken in spent.items():
            seconds[room].append(taken / 1000)
            players[room].add(events[0].player)
    return [[room, len(seconds[room]), len(players[room]), median(seconds[room])] for room in sorted(seconds)]


def crashes(history: History) -> Rows:
    crashed = {one.session for one in history.events if one.name == "crash"}
    rows: Rows = []
    for platform, by_s1 in (("Linux", False), ("", True)):
        own = [one for one in history.sessions if (int(one.player[1:]) % 3 == 2) == by_s1]
        hit = sum(one.id in crashed for one in own)
        points = sum(one[3] for one in history.frames)
        mean = round(sum(one[1] * one[3] for one in history.frames) / points, 3)
        worst = round(min(one[2] for one in history.frames), 3)
        frames = [None, None] if by_s1 else [mean, worst]
        rows.append([platform, len(own), hit, round(hit / len(own), 4), *frames])
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def feedback_by_build(history: History) -> Rows:
    sessions = {one.id: one for one in history.sessions}
    groups: dict[tuple[int, str, str], list[tuple[str, str]]] = defaultdict(list)
    for session, field, answer in history.answers:
        one = sessions[session]
        groups[BUILDS.index(one.build) + 1, one.build, field].append((one.player, answer))
    rows: Rows = []
    for (place, build, field), told in sorted(groups.items()):
        numbers = [float(answer) for _, answer in told if answer.isdigit()]
        mean = round(sum(numbers) / len(numbers), 3) if numbers else None
        rows.append([place, build, "ff_end", field, len(told), len({player for player, _ in told}), mean])
    return rows


def experiment_outcomes(history: History) -> Rows:
    by_player: dict[str, list[Any]] = defaultdict(list)
    for one in sorted(history.sessions, key=lambda one: one.begin):
        if one.variant:
            by_player[one.player].append(one)
    rows: Rows = []
    for variant in sorted({own[0].variant for own in by_player.values()}):
        met = [own for own in by_player.values() if own[0].variant == variant]
        count = sum(map(len, met))
        lengths = sum((one.end - one.begin) / 1000 for own in met for one in own)
        mixed = sum(len({one.variant for one in own}) > 1 for own in met)
        back = sum(any(one.begin > own[0].begin + DAY_MS for one in own) for own in met)
        means = [round(count / len(met), 3), round(lengths / count, 1)]
        rows.append(["exp_hud", variant, len(met), mixed, *means, back, round(back / len(met), 4)])
    return rows


def spend(history: History) -> Rows:
    paid: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for player, _, cause, key, amount in history.moves:
        if cause == "debit":
            paid[key, history.countries.get(player, "")][player].append(-amount)
    of = Counter(history.countries.get(player, "") for player in history.firsts())
    rows: Rows = []
    for (key, country), own in paid.items():
        spent = sum(map(sum, own.values()))
        debits = sum(map(len, own.values()))
        rate = round(len(own) / of[country], 4)
        rows.append([key, country, len(own), debits, spent, round(spent / len(own), 2), rate])
    return sorted(rows, key=lambda row: (row[0], -row[4], row[1]))


def leaderboard(history: History) -> Rows:
    """Without the one that cheat_hunt names; there is one board."""
    cheats = {player for _, player, *_ in cheat_hunt(history)}
    best: dict[str, float] = {}
    reached: dict[str, int] = {}
    for player, at, score in history.scores:
        best[player], reached[player] = score, at
    left = sorted((-best[player], reached[player], player) for player in best.keys() - cheats)
    return [["frags", place, player, -score, None] for place, (score, _, player) in enumerate(left, 1)]


BY_HAND: Final[dict[str, Callable[[History], Rows]]] = {
    one.__name__: one
    for one in (
        *(retention, funnel, churn_by_build, fps_by_gpu, cohort, economy, cheat_hunt, crate_odds),
        *(active_players, events_by_day, session_lengths, last_rooms, player_timeline, death_heatmap),
        *(room_times, crashes, feedback_by_build, experiment_outcomes, spend, leaderboard),
    )
}
