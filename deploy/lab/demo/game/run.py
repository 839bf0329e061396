"""One bot playing session after session, a level at a time, and what it sends of it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

import msgspec

from deploy.lab.demo.game.achievements import FeatCounter
from deploy.lab.demo.game.bot import Bot, Temperament
from deploy.lab.demo.game.engine import TICS_A_MOVE, TICS_A_SECOND, Engine, Frame, wad_path
from deploy.lab.demo.game.navigation import Grid
from deploy.lab.demo.game.payloads import (
    S1_EVENTS_MAX,
    Player,
    Request,
    Session,
    create_player,
    s1_feedback,
    s1_request,
    s4_items,
    s4_requests,
)
from deploy.lab.demo.game.story import Happening, Story
from deploy.lab.demo.game.wad import Level, read_level

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

CAMPAIGN: Final = ("MAP01", "E1M1", "E2M2", "E4M6")
"""Freedoom levels from easy to deadly: the first two have exits that a bot walks to without a key."""
ATTEMPTS_MAX: Final = 3
LEVEL_SECONDS_MAX: Final = 150
SESSION_SECONDS_MAX: Final = 300
SEND_EVERY_MS: Final = 5_000
MOVE_MS: Final = 1000 * TICS_A_MOVE / TICS_A_SECOND
_WORDS: Final = {
    1: "Died at the same door again.",
    2: "Too hard.",
    3: "",
    4: "Good pace.",
    5: "Loved the shotgun!",
}


class Seat(msgspec.Struct, frozen=True):
    """A bot's place: who plays which build at which skill, and the surface it speaks (`s4` or `s1`)."""

    player: Player
    build_id: str
    skill: int
    temperament: Temperament
    surface: str
    environment: str = "production"


class Plans:
    """Floor plans and grids of the levels, read once and shared by all bots."""

    def __init__(self) -> None:
        self._plans: dict[str, tuple[Level, Grid]] = {}

    def of(self, level: str) -> tuple[Level, Grid]:
        """The plan of a level of the campaign."""
        if level not in self._plans:
            plan = read_level(wad_path(level), level)
            self._plans[level] = (plan, Grid(plan))
        return self._plans[level]


class Run:
    """Plays one session of a seat. `advance` plays one decision; when `over`, make the next Run.

    Game time starts at `started_ms` and goes by tics, so the same run may be played at once or as it happens.
    """

    def __init__(
        self,
        seat: Seat,
        game_id: str,
        *,
        plans: Plans,
        random: Random,
        started_ms: int,
        send_every_ms: int = SEND_EVERY_MS,
        experiments: Mapping[str, str] = {},
    ) -> None:
        self.seat = seat
        self.over = False
        self._plans = plans
        self._random = random
        self._now: float = started_ms
        self._story = Story(seat.skill)
        self.feats = FeatCounter()
        session_id = str(uuid.UUID(int=random.getrandbits(128), version=4))
        prefix = "" if seat.surface == "s4" else "sess_"
        self.session = Session(
            game_id=game_id,
            session_id=prefix + session_id,
            build_id=seat.build_id,
            player=seat.player,
            started_ms=started_ms,
            title=f"{seat.temperament.name.capitalize()} run on {seat.build_id}",
            environment=seat.environment,
            experiments=dict(experiments),
        )
        self._seq = 0
        self._deaths = 0
        self._sent_ms: float = started_ms
        self._send_every_ms = send_every_ms
        self._introduced = False
        self._stage = 0
        self._attempt = 0
        self._engine: Engine | None = None
        self._wad = ""
        self._bot: Bot | None = None
        self._frame: Frame | None = None

    @property
    def now_ms(self) -> int:
        """The session's game time as unix milliseconds."""
        return int(self._now)

    def advance(self) -> list[Request]:
        """Play one decision; what is due to be sent, usually nothing."""
        level = CAMPAIGN[self._stage]
        if self._bot is None or self._frame is None or self._engine is None:
            self._frame = self._begin(level)
            return self._due()
        frame = self._frame = self._engine.play(self._bot.decide(self._frame.view))
        self._now += MOVE_MS
        self._story.watch(level, frame, self.now_ms, TICS_A_MOVE)
        self.feats.watch(frame)
        if frame.state != "playing":
            self._bot = None
        if frame.state == "dead":
            self._deaths += 1
            if self._attempt >= ATTEMPTS_MAX:
                self._story.give_up(level, self.now_ms, "died too often")
                self.over = True
        elif frame.state == "exited":
            self._stage, self._attempt = self._stage + 1, 0
            self.over = self._stage == len(CAMPAIGN)
        elif frame.tic > LEVEL_SECONDS_MAX * TICS_A_SECOND:
            self._story.give_up(level, self.now_ms, "gave up")
            self._stage, self._attempt, self._bot = self._stage + 1, 0, None
            self.over = self._stage == len(CAMPAIGN)
        self.over = self.over or self._now - self.session.started_ms > SESSION_SECONDS_MAX * 1000
        return [] if self.over else self._due()

    def finish(self) -> list[Request]:
        """End the session and stop its engine; what is left to send. Call it once."""
        if self._frame is not None and self._frame.state == "playing":
            self._story.cut(CAMPAIGN[min(self._stage, len(CAMPAIGN) - 1)], self.now_ms)
        if self._engine is not None:
            self._engine.close()
            self._engine = None
        self.over = True
        requests = self._requests(ended=True)
        if self.seat.surface == "s1" and self._random.random() < 0.5:
            rating = max(1, min(5, 5 - self._deaths + self._random.randint(-1, 1)))
            requests.append(s1_feedback(self.session, rating, _WORDS[rating]))
        return requests

    def _begin(self, level: str) -> Frame:
        wad = wad_path(level)
        if self._engine is None or self._wad != wad.name:
            if self._engine is not None:
                self._engine.close()
            seed = self._random.randrange(1 << 31)
            wide = self.seat.skill > 1
            self._engine, self._wad = Engine(wad=wad, skill=self.seat.skill, seed=seed, wide=wide), wad.name
        self._attempt += 1
        plan, grid = self._plans.of(level)
        self._bot = Bot(plan, grid, self.seat.temperament, self._random)
        frame = self._engine.start(level)
        self._story.begin_level(level, frame, self.now_ms, self._attempt)
        self.feats.begin_level(frame)
        return frame

    def _due(self) -> list[Request]:
        if self._now - self._sent_ms < self._send_every_ms:
            return []
        self._sent_ms = self._now
        return self._requests(ended=False)

    def _requests(self, *, ended: bool) -> list[Request]:
        happenings, paths = self._story.drain()
        if self.seat.surface == "s4":
            items = s4_items(self.session, happenings, paths)
            if not self._introduced:
                items.insert(0, create_player(self.session))
                self._introduced = True
            return s4_requests(items)
        batches = self._batches(happenings)
        requests = []
        for index, batch in enumerate(batches):
            last = index == len(batches) - 1
            requests.append(s1_request(self.session, batch, self._seq, ended=ended and last))
            self._seq += len(batch)
        return requests if happenings or ended else []

    @staticmethod
    def _batches(happenings: list[Happening]) -> list[list[Happening]]:
        cuts = range(0, max(len(happenings), 1), S1_EVENTS_MAX)
        return [happenings[start : start + S1_EVENTS_MAX] for start in cuts]
