"""Playtests' part of a seed: the drill's moves in virtual time, key batches, and nights that pass in no time.

Deadlines are hours and days away, so time passes at once, while no client asks: to just before a deadline
that waits, for the moves after it to race with what is due, or past it.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any, Final

from deploy.lab.drill.playtests_clients import Caller
from deploy.lab.drill.playtests_moves import Moves
from deploy.lab.drill.playtests_world import GAMES, Record, Side
from deploy.lab.simulation.noun import Part, Simulated
from deploy.lab.simulation.playtests.batch_model import KEYS_MAX
from deploy.lab.simulation.playtests.batch_moves import BatchMoves, BatchRecord
from deploy.lab.simulation.playtests.code_checks import codes_that_differ
from deploy.lab.simulation.playtests.gateways import SimulatedDirectory, SimulatedS2
from deploy.lab.simulation.playtests.links import SimulatedLinks
from deploy.lab.simulation.playtests.objects import SimulatedObjects, SimulatedTranscriber
from deploy.lab.simulation.playtests.operator_moves import OperatorMoves
from deploy.lab.simulation.playtests.secrets import Secrets
from deploy.lab.simulation.playtests.verdicts import History, batch_problems, problems
from deploy.no_ledgers import NoLedgers
from projections.playtests import keys
from projections.playtests.queries import PlaytestQueries
from streams.deciders.playtests.noun import with_keys_per_batch
from streams.effect_reader import Reading
from streams.playtests.recording_effects import RecordingEffects

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from deploy.lab.simulation.stage import Stage
    from deploy.noun import Acting
    from schemas.log import LogReader

STUDIOS: Final = ("studio-1", "studio-4")
"""In two partitions, wherever there are two."""
PANEL: Final = 6
LANES: Final = 3
"""Clients of each studio that move at once."""
TURNS: Final = 6
BATCH_TURNS: Final = 8
HOUR_MS: Final = 3_600_000
JOBS_MAX, TRANSCRIPTS_MAX = 3, 1
"""So few that records have to wait in the log."""
EARLY: Final = 0.1
"""Share of the timer's looks whose clock runs ahead, up to 8 days."""
EARLY_MS_MAX: Final = 192 * HOUR_MS
BEFORE: Final = 0.8
"""Share of the nights that end just before a deadline."""
CHANGES: Final = 0.3
"""Share of the nights that take no time, and change the deployment secret."""
BEFORE_MS_MAX: Final = 2_000
"""How long before a deadline a night ends."""
NIGHT_MS_MAX: Final = 40 * HOUR_MS
DAYS_S: Final = (0.2, 2.0)
"""How long a day is, in virtual seconds."""


class PlaytestsPart(Part):
    """Two studios with their panels."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._sides = {studio_id: _side(studio_id) for studio_id in STUDIOS}
        self._objects = SimulatedObjects(stage.faults)
        self._record = Record()
        self._secrets = Secrets()
        directory = SimulatedDirectory(self._sides)
        self._s2 = SimulatedS2(stage, self._objects, directory, self._secrets)
        self._moves = Moves(self._s2, self._record, stage.faults.dice)
        self._links = SimulatedLinks(stage, directory, self._s2.reads, self._secrets)
        self._batch_record = BatchRecord()
        self._playing = self._moving = 0
        self._day = asyncio.Event()
        self._day.set()

    @property
    def asked(self) -> int:
        """Writes that were answered."""
        return len(self._record.answered) + len(self._batch_record.redemptions) + self._batch_record.writes

    def players(self) -> list[Coroutine[Any, Any, None]]:
        """A few lanes for each studio, and the nights."""
        lanes = [self._play(self._turns(side)) for side in self._sides.values() for _ in range(LANES)]
        lanes += [self._play(self._batch_turns(side)) for side in self._sides.values()]
        lanes += [self._play(self._operator_turns(side)) for side in self._sides.values()]
        self._playing = len(lanes)
        return [*lanes, self._nights()]

    async def _play(self, turns: Coroutine[Any, Any, None]) -> None:
        try:
            await turns
        finally:
            self._playing -= 1

    async def _turns(self, side: Side) -> None:
        await self._by_day(lambda: self._moves.fund(side))
        for _ in range(TURNS):
            await self._by_day(lambda: self._moves.turn(side))

    async def _batch_turns(self, side: Side) -> None:
        """Of key batches, in the studio's first game, by two who move at once."""
        game = side.studio_id, side.games[GAMES[0]]
        moves = BatchMoves(self._links, self._batch_record, self._secrets, self.stage.faults, game)
        await self._by_day(moves.begin)
        for _ in range(BATCH_TURNS):
            await self._by_day(lambda: _both(moves.turn(), moves.turn()))

    async def _operator_turns(self, side: Side) -> None:
        moves = OperatorMoves(self._s2, self._links, self._record, self.stage.faults, side)
        for _ in range(BATCH_TURNS):
            await self._by_day(moves.turn)

    async def _by_day(self, move: Callable[[], Awaitable[None]]) -> None:
        await self._day.wait()
        self._moving += 1
        try:
            await move()
        finally:
            self._moving -= 1

    async def _nights(self) -> None:
        """One after the other while clients play."""
        faults = self.stage.faults
        while self._playing:
            await asyncio.sleep(faults.dice.uniform(*DAYS_S))
            await self._night()
            faults.counted["night passed"] += 1

    async def _night(self) -> None:
        """Time passes while no client asks: a key is remembered for a day, longer than a client waits."""
        self._day.clear()
        try:
            while self._moving:  # noqa: ASYNC110 - virtual time costs nothing
                await asyncio.sleep(0.1)
            if self.stage.faults.dice.random() >= CHANGES or not self._secrets.change():
                self._pass_time()
        finally:
            self._day.set()

    def _pass_time(self) -> None:
        faults, dues = self.stage.faults, self._dues()
        passes_ms = faults.dice.randrange(NIGHT_MS_MAX)
        if dues and faults.dice.random() < BEFORE:
            until_ms = int(faults.dice.choice(list(dues.values()))) - faults.dice.randrange(BEFORE_MS_MAX)
            passes_ms = until_ms - faults.now_ms()
        faults.passed_ms += max(0, passes_ms)

    def _dues(self) -> dict[str, float]:
        dues: dict[str, float] = self.stage.redis.live.values.get(keys.DUES, {})
        return dues

    def timer_ms(self) -> int:
        """Its clock runs ahead now and then: what it asks early must do nothing."""
        faults = self.stage.faults
        early = faults.on and faults.dice.random() < EARLY
        return faults.now_ms() + (faults.dice.randrange(EARLY_MS_MAX) if early else 0)

    def effects(self, acting: Acting, positions: Callable[[str], Any]) -> list[LogReader]:
        """Recordings, over objects in memory. Key batches follow from another noun's events."""
        objects: Any = self._objects
        client: Any = self.stage.redis
        recordings = RecordingEffects(
            acting.asker,
            Reading(acting.events, acting.tail, positions("recordings")),
            objects=objects,
            reads=PlaytestQueries(client, NoLedgers()),
            transcriber=SimulatedTranscriber(self.stage.faults),
            clock_ms=self.stage.faults.now_ms,
            jobs_max=JOBS_MAX,
            transcripts_max=TRANSCRIPTS_MAX,
        )
        return [recordings]

    def is_settled(self) -> bool:
        """Whether nothing is due, to be published or to be transcribed."""
        now_ms = self.stage.faults.now_ms()
        due = any(at_ms <= now_ms for at_ms in self._dues().values())
        return not due and not History(self.stage, self._secrets.sealer).unfinished

    async def end(self) -> bool:
        """All codes are asked about; then all deadlines come at once, as after an outage."""
        history = History(self.stage, self._secrets.sealer)
        now_ms = self.stage.faults.now_ms()
        self._links.wrong += await codes_that_differ(self._links, history.batches, now_ms)
        dues = self._dues()
        last_ms = int(max(dues.values(), default=0))
        self.stage.faults.passed_ms += max(0, last_ms - self.stage.faults.now_ms() + 1)
        return bool(dues)

    def problems(self) -> list[str]:
        """Of answers, events, slots' histories, rows and objects."""
        history = History(self.stage, self._secrets.sealer)
        return [
            *self._s2.wrong,
            *self._links.wrong,
            *problems(self.stage, history, self._record, self._objects.held),
            *batch_problems(self.stage, history, self._batch_record, self._secrets.sealer),
        ]


async def _both(one: Awaitable[None], other: Awaitable[None]) -> None:
    await asyncio.gather(one, other)


def _side(studio_id: str) -> Side:
    testers = [str(uuid.uuid5(uuid.NAMESPACE_URL, f"{studio_id}/{number}")) for number in range(PANEL)]
    return Side(
        studio_id,
        {game: f"{studio_id}-{game}" for game in GAMES},
        [Caller("owner", studio_id)],
        [Caller("tester", studio_id, tester) for tester in testers],
    )


PLAYTESTS: Final = Simulated("playtests", PlaytestsPart, with_keys_per_batch(KEYS_MAX))
