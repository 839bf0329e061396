"""A generated log of S1 batches (late, repeated, out of order), and its sessions counted by hand.

Nothing here uses the code under test: what is expected is worked out from the events as they were sent.
"""

from __future__ import annotations

import hashlib
import math
import unicodedata
from collections import Counter
from fractions import Fraction
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

from tests.projections.telemetry.support import GAME, START_MS, MemoryLog, s1

FRICTION = (
    "bug-report", "stuck-point", "difficulty-spike", "ui-friction", "confusion", "pacing-issue",
    "negative-moment",
)  # fmt: skip
PRAISE = ("positive-moment", "praise")
SUFFIX = {"bug-report": "bug", "stuck-point": "stuck", "difficulty-spike": "difficulty"}
PLACES = (
    "Act 2 Door",
    "act2_door",
    "ACT-2 / door!",
    "Küche",
    "<b>roof</b>",
    "https://evil.example",
    "",
    "🙂",
)
NAMES = (
    "room_entered", "level_started", "level_failed", "level_failed", "player_death", "player_death",
    "level_completed", "crash", "error", "tick", "tick",
)  # fmt: skip
BUILDS = ("1.0", "1.1", "2.0-<i>", "unseen")
ENVIRONMENTS = ("production", "demo")
DEVICES = tuple(f"device_{number}" for number in range(14))
HANDLES = ("RedFox42", "device_3", "<script>", "Zoë", "RedFox42")
"""One is spelled like a device's id."""


class Sent(NamedTuple):
    """An event as sent, by its sequence number in its session."""

    seq: int
    at_ms: int
    name: str
    place: str


class RawSession:
    """A session as its sender knows it. Build and environment are the first that were sent."""

    def __init__(self, given_id: str, device: str, build: str, environment: str) -> None:
        self.given_id = given_id
        self.device = device
        self.build = build
        self.environment = environment
        self.handle: str | None = None
        self.started_at: int | None = None
        self.title = ""
        self.closed = False
        self.events: dict[int, Sent] = {}

    @property
    def id(self) -> str:
        hashed = hashlib.sha256(f"{GAME}\n{self.given_id}".encode()).hexdigest()[:32]
        return self.given_id if self.given_id.startswith("sess_") else f"sess_{hashed}"

    @property
    def times(self) -> list[int]:
        return sorted(event.at_ms for event in self.events.values())

    @property
    def recorded_at(self) -> int:
        return self.times[0] if self.started_at is None else self.started_at

    @property
    def wall_ms(self) -> int:
        return self.times[-1] - self.times[0]

    @property
    def active_ms(self) -> int:
        gaps = [later - earlier for earlier, later in pairwise(self.times)]
        return sum(gap for gap in gaps if gap <= 30_000)

    def findings(self) -> Counter[tuple[str, str]]:
        """How often each (type, tag) must be found in it: nothing while it is open."""
        if not self.closed:
            return Counter()
        found = Counter({("session-summary", "session-summary"): 1})
        pauses = sum(later - earlier >= 90_000 for earlier, later in pairwise(self.times))
        ordered = sorted(self.events.values(), key=lambda event: event.at_ms)
        found["pacing-issue", "pacing-issue"] += pauses
        for event in ordered:
            if event.name in {"crash", "error"}:
                found["bug-report", tag("bug-report", event.place)] += 1
        for place in {event.place for event in ordered} - {""}:
            here = [event for event in ordered if event.place == place]
            names = [event.name for event in here]
            tries = sum(name in {"room_entered", "level_started", "level_failed"} for name in names)
            if tries >= 5 and "level_completed" not in names:
                found["stuck-point", tag("stuck-point", place)] += 1
            deaths = [event.at_ms for event in here if event.name == "player_death"]
            found["difficulty-spike", tag("difficulty-spike", place)] += spikes(deaths)
            failures = 0
            for name in names:
                if name == "level_completed":
                    found["positive-moment", tag("positive-moment", place)] += failures >= 3
                failures = 0 if name == "level_completed" else failures + (name == "level_failed")
        return +found


def slug(place: str) -> str:
    out = ""
    for letter in unicodedata.normalize("NFKC", place).casefold():
        out += letter if letter.isalnum() else "-"
    return "-".join(part for part in out.split("-") if part)[:48]


def tag(kind: str, place: str) -> str:
    return f"{slug(place)}-{SUFFIX.get(kind, kind)}" if slug(place) else kind


def spikes(deaths: list[int]) -> int:
    """Windows of three deaths within two minutes; those that share a death are one."""
    windows = [
        {first, first + 1, first + 2}
        for first in range(len(deaths) - 2)
        if deaths[first + 2] - deaths[first] <= 120_000
    ]
    joined: list[set[int]] = []
    for window in windows:
        if joined and joined[-1] & window:
            joined[-1] |= window
        else:
            joined.append(window)
    return len(joined)


def half_up(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))


def generate(seed: int, sessions: int) -> tuple[MemoryLog, list[RawSession]]:
    """A log of two partitions, and the sessions that it tells of."""
    draw = Random(seed)
    log = MemoryLog(partitions=2)
    found: list[RawSession] = []
    batches: list[tuple[int, dict[str, Any], int]] = []
    for number in range(sessions):
        given = f"sess_{number:03}" if draw.random() < 0.7 else f"plain {number}"
        session = RawSession(given, draw.choice(DEVICES), draw.choice(BUILDS[:3]), draw.choice(ENVIRONMENTS))
        found.append(session)
        at_ms = START_MS + draw.randrange(5_000_000)
        if draw.random() < 0.3:
            session.started_at = at_ms - draw.randrange(100_000)
        events = []
        place = draw.choice(PLACES)
        for seq in range(draw.randint(1, 40)):
            at_ms += draw.choice((1, 500, 9_000, 30_000, 30_001, 40_000, 95_000))
            place = draw.choice(PLACES) if draw.random() < 0.2 else place
            events.append(Sent(seq, at_ms, draw.choice(NAMES), place))
        draw.shuffle(events)
        cuts = sorted(draw.sample(range(len(events)), min(len(events) - 1, draw.randint(0, 3))))
        pieces = [events[begin:end] for begin, end in pairwise([0, *cuts, len(events)]) if begin < end]
        ends = draw.randrange(len(pieces)) if draw.random() < 0.85 else None
        for index, piece in enumerate(pieces):
            first = index == 0
            batch: dict[str, Any] = {
                "session": given,
                "events": piece,
                "deviceId": session.device,
                "metadata": {
                    "gameVersion": session.build if first else draw.choice(BUILDS),
                    "environment": session.environment if first else draw.choice(ENVIRONMENTS),
                },
                "ended": ends == index,
            }
            if session.started_at is not None:
                batch["startedAt"] = session.started_at
            if draw.random() < 0.3:
                batch["testerHandle"] = draw.choice(HANDLES)
            batches.append((len(batches), batch, number))
    # Batches of different sessions interleave; those of one stay in order. Some come twice, some much later.
    order = sorted(batches, key=lambda batch: (batch[0] + draw.randrange(40), batch[0]))
    in_order: dict[int, list[dict[str, Any]]] = {}
    for _, batch, number in batches:
        in_order.setdefault(number, []).append(batch)
    for _, _, number in order:
        batch = in_order[number].pop(0)
        for _ in range(draw.choice((1, 1, 1, 2))):
            _put(log, batch, number % 2)
            _take(found[number], batch)
    return log, found


def _put(log: MemoryLog, batch: dict[str, Any], partition: int) -> None:
    events = [
        {"name": event.name, "t": event.at_ms, "seq": event.seq}
        | ({"room": event.place} if event.place else {})
        for event in batch["events"]
    ]
    fields = {name: value for name, value in batch.items() if name not in {"session", "events"}}
    log.put(s1(batch["session"], *events, **fields), partition=partition, at_ms=log.now_ms + 100)


def _take(session: RawSession, batch: dict[str, Any]) -> None:
    session.events |= {event.seq: event for event in batch["events"]}
    session.handle = batch.get("testerHandle") or session.handle
    session.closed = session.closed or batch["ended"]
