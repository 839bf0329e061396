"""Decides with the real decider and applies what it says to a real Redis, one record for each command."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from redis.asyncio import Redis

from projections.playtests.projection import PLAYTESTS as PROJECTION
from projections.playtests.queries import PlaytestQueries
from projections.redis.reader import Projection, RedisReader
from projections.redis.rebuild import Rebuilt, rebuild
from schemas.codec import Message
from schemas.envelope import Decided, Event
from schemas.playtests.account_views import LedgerRow
from schemas.playtests.ports import Place
from streams.deciders.playtests.noun import PLAYTESTS
from tests.projections.redis.support import ListLog
from tests.streams.deciders.playtests.given import GAME, STUDIO, Playtests

PARTITIONS = 1


class AllRows:
    """Ledgers in whole, as ClickHouse has them: newest first by (time, id)."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, LedgerRow]] = {}
        self.asked = 0

    def add(self, playtester_id: str, row: LedgerRow) -> None:
        self.rows.setdefault(playtester_id, {})[row.id] = row

    async def ledger(
        self, studio_id: str, playtester_id: str, *, limit: int, before: Place | None = None
    ) -> list[LedgerRow]:
        assert studio_id == STUDIO
        self.asked += 1
        rows = sorted(self.rows.get(playtester_id, {}).values(), key=lambda row: (row.at_ms, row.id))
        below = [row for row in rows if before is None or (row.at_ms, row.id) < (before.at_ms, before.id)]
        return below[::-1][:limit]


class Told(Playtests):
    """A studio's decider whose events are told, each command's as the shell writes them."""

    def __init__(self) -> None:
        self.older = AllRows()
        super().__init__(credit_cents=0)

    def happened(self, decided: Decided) -> None:
        """What came of a command."""
        raise NotImplementedError

    def given(self, body: Message, game_id: str = GAME, **more: Any) -> list[Message]:
        """Decide, and tell."""
        before, sequences = self.state, dict[str, int]()
        events = super().given(body, game_id, **more)
        written = []
        for event in events:
            for name in ("movement", "credit", "earning"):
                row = getattr(event, name, None)
                if row is not None:
                    self.older.add(_owner(event, row), row)
            aggregate_id = PLAYTESTS.aggregate_of(event)
            sequence = sequences.get(aggregate_id, PLAYTESTS.sequence(before, aggregate_id)) + 1
            sequences[aggregate_id] = sequence
            written.append(
                Event(
                    type=event.WIRE,
                    aggregate_id=aggregate_id,
                    sequence=sequence,
                    at_ms=max(self.at_ms, self.state.time_ms),
                    data=PLAYTESTS.events.encode(event),
                )
            )
        self.happened(
            Decided(
                command_id=f"c{self.count}",
                studio_id=STUDIO,
                game_id="",  # a slot's commands don't name a game: their events do
                keyed=True,
                fingerprint=b"f",
                events=written,
            )
        )
        return events


class Projected(Told):
    """One studio's decider, its log, and the projection of it."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.noun: Projection = replace(PROJECTION, topic=replace(PROJECTION.topic, partitions=PARTITIONS))
        self.log = ListLog(self.noun.topic)
        self.reader = RedisReader(redis, self.noun, log=self.log)
        self.pending: list[Decided] = []
        super().__init__()
        self.queries = PlaytestQueries(redis, self.older)

    def happened(self, decided: Decided) -> None:
        """It waits for `apply`."""
        self.pending.append(decided)

    async def apply(self) -> None:
        """Append everything that was decided, each command in a record of its own, and apply it."""
        pending, self.pending = self.pending, []
        for decided in pending:
            await self.reader.handle(self.log.append(decided))

    async def open(self) -> Projected:
        await self.reader.assigned(0)
        return self

    async def rebuilt(self, *, verify: bool) -> Rebuilt:
        """Build it again, or compare it with one that is built again."""
        return await rebuild(
            self.redis,
            self.noun,
            log=self.log,
            generation="again" if not verify else "check",
            progress=lambda _done, _total: None,
            verify=verify,
        )


def _owner(event: Message, row: LedgerRow) -> str:
    if row.type.startswith("payout"):
        return str(getattr(event, "playtester").id)  # noqa: B009 - of several events
    return ""
