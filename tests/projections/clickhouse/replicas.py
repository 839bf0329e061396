"""A model of replicated tables of ClickHouse and of a projector that writes them, drawn from a seed.

What it takes from ClickHouse's documentation: a token is Keeper's and of the table; a quorum insert that is
not parallel is refused while the one before has no quorum; a part whose only replica is lost takes its token
with it; a repeat that meets its token waits for that part's quorum; a replica counts for a quorum once it
holds all earlier parts; a sequentially consistent read is refused by a replica that lacks the last part with
a quorum, and shows nothing behind it. The projector works as `PartitionWriter` does, without its second
defence (what a table's rows show is left out), so that tokens stand alone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from random import Random

REPLICAS: Final = 3
STUDIOS: Final = 4
RECORDS: Final = 24
BATCH: Final = 3
TRIES: Final = 6
HOUR_S: Final = 3600
Answer = TypeVar("Answer")
Row = tuple[int, int]
"""Of a table of facts: studio and offset. Of one that replaces: key and its count; the version beside it."""


class Away(Exception):
    """Refused for now, or no answer: whether it happened is unknown."""


@dataclass(frozen=True)
class Choice:
    """The settings; the defaults are those of `projections.clickhouse.cluster`."""

    tokens: bool = True
    token_seconds: int = 14 * 24 * HOUR_S
    quorum: bool = True
    one_after_the_other: bool = True
    sequential: bool = True
    foreground: bool = True
    shards: int = 1
    shards_change: bool = False
    in_order: bool = True
    """Not a setting, but what ClickHouse promises of the replicas of a quorum."""


@dataclass
class Table:
    """One table of one shard."""

    choice: Choice
    random: Random
    parts: list[tuple[str, dict[Row, int]]] = field(default_factory=list)
    """Token and rows with their versions, by block number."""
    tokens: dict[str, tuple[int, int]] = field(default_factory=dict)
    held: list[set[int]] = field(default_factory=lambda: [set() for _ in range(REPLICAS)])
    up: list[bool] = field(default_factory=lambda: [True] * REPLICAS)
    gone: set[int] = field(default_factory=set)
    pending: int | None = None
    last: int = -1

    def insert(self, replica: int, rows: dict[Row, int], token: str, now_s: int) -> None:
        """Insert at a replica; raises Away where it is refused, has no quorum in time, or is not answered."""
        choice = self.choice
        self._require(replica)
        if choice.quorum and sum(self.up) <= REPLICAS // 2:
            raise Away("too few live replicas")
        met = self.tokens.get(token) if choice.tokens else None
        if met is not None and now_s - met[1] <= choice.token_seconds:
            part = met[0]
            if choice.quorum and part not in (self.pending, None) and self._holders(part) > REPLICAS // 2:
                return
        else:
            if choice.quorum and choice.one_after_the_other and self.pending is not None:
                raise Away("the quorum of the insert before is not satisfied")
            part = len(self.parts)
            self.parts.append((token, rows))
            self.tokens[token] = (part, now_s)
            if choice.quorum and choice.one_after_the_other:
                self.pending = part
        self._take(replica, part)
        if not choice.quorum:
            self._answer()
            return
        for other in range(REPLICAS):
            if other != replica and self.random.random() < 0.6:
                self._take(other, part)
        if self._holders(part) <= REPLICAS // 2:
            raise Away("the quorum was not reached in time")
        self._answer()

    def read(self, replica: int, *, sequential: bool) -> list[dict[Row, int]]:
        """What a replica shows, part by part."""
        self._require(replica)
        seen = self.held[replica] - self.gone
        if sequential and self.last >= 0:
            if self.last not in seen and self.last not in self.gone:
                raise Away("the replica is not in the quorum")
            seen = {part for part in seen if part <= self.last}
        return [self.parts[part][1] for part in sorted(seen)]

    def work(self) -> None:
        """A replica fetches one part that it lacks."""
        replica = self.random.randrange(REPLICAS)
        lacking = [part for part in range(len(self.parts)) if part not in self.held[replica] | self.gone]
        if lacking:
            self._take(replica, lacking[0] if self.choice.in_order else self.random.choice(lacking))

    def lose(self, replica: int) -> None:
        """A replica's disk is lost: it comes back with nothing."""
        self.held[replica] = set()
        for part in range(len(self.parts)):
            if part not in self.gone and self._holders(part) == 0:
                self.gone.add(part)
                self.tokens.pop(self.parts[part][0], None)
                self.pending = None if self.pending == part else self.pending

    def is_whole(self, replica: int) -> bool:
        """Whether a replica has all parts."""
        return self.held[replica] | self.gone >= set(range(len(self.parts)))

    def _take(self, replica: int, part: int) -> None:
        """Fetch a part, and all earlier ones before it, from replicas that are up and have them."""
        wanted = range(part + 1) if self.choice.in_order else (part,)
        for one in wanted:
            if one in self.gone or one in self.held[replica]:
                continue
            fresh = self._holders(one) == 0
            if not self.up[replica] or not (fresh or self._served(one)):
                return
            self.held[replica].add(one)
            if self._holders(one) > REPLICAS // 2 and self.pending == one:
                self.pending, self.last = None, one

    def _served(self, part: int) -> bool:
        return any(self.up[replica] and part in self.held[replica] for replica in range(REPLICAS))

    def _holders(self, part: int) -> int:
        return sum(part in held for held in self.held)

    def _require(self, replica: int) -> None:
        if not self.up[replica]:
            raise Away("no connection")

    def _answer(self) -> None:
        if self.random.random() < 0.15:
            raise Away("the answer was lost")


class World:
    """A log, its projectors, and the tables: facts and sessions by shard, positions on all servers."""

    def __init__(self, choice: Choice, random: Random) -> None:
        self.choice, self.random, self.now_s = choice, random, 0
        self.log = [random.randrange(STUDIOS) for _ in range(RECORDS)]
        self.facts = [Table(choice, random) for _ in range(choice.shards + choice.shards_change)]
        self.sessions = [Table(choice, random) for _ in self.facts]
        self.positions = Table(choice, random)
        self.queued: list[list[tuple[Table, dict[Row, int], str]]] = [[] for _ in range(REPLICAS)]
        self.shards = choice.shards
        self.recovering: int | None = None

    @property
    def tables(self) -> list[Table]:
        """All tables; a server holds its replica of each."""
        return [*self.facts, *self.sessions, self.positions]

    def insert(self, tables: list[Table], rows: dict[Row, int], token: str) -> None:
        """Insert through a server that is drawn: to every shard what its studios have."""
        server = self.random.randrange(REPLICAS)
        for shard, table in enumerate(tables):
            own = {row: version for row, version in rows.items() if row[0] % self.shards == shard}
            if not own:
                continue
            if not self.choice.foreground:
                table._require(server)
                self.queued[server].append((table, own, token))
            else:
                table.insert(self.random.randrange(REPLICAS), own, token, self.now_s)

    def read(self, tables: list[Table]) -> list[dict[Row, int]]:
        """All parts that a read of all shards shows."""
        sequential = self.choice.sequential
        return [
            part
            for table in tables
            for part in table.read(self.random.randrange(REPLICAS), sequential=sequential)
        ]

    def position(self) -> int:
        """The next offset."""
        return max((row[1] for part in self.read([self.positions]) for row in part), default=0)

    def counts(self) -> dict[int, tuple[int, int]]:
        """By studio: how many records its session has, and up to which offset."""
        found: dict[int, tuple[int, int]] = {}
        for part in self.read(self.sessions):
            for (studio, count), version in part.items():
                if version > found.get(studio, (0, 0))[1]:
                    found[studio] = (count, version)
        return found

    def projector(self) -> Generator[None, None, None]:
        """Works step by step until the log's end. Raises Away where a statement fails too often."""
        position = yield from self._tried(self.position)
        memory: dict[int, tuple[int, int]] = {}
        while position < RECORDS:
            end = min(position + BATCH, RECORDS)
            token = f"{position}-{end}"
            facts = {(self.log[offset], offset): 0 for offset in range(position, end)}
            yield from self._tried(partial(self.insert, self.facts, facts, token))
            studios = {studio for studio, _ in facts}
            if not studios <= memory.keys():
                stored = yield from self._tried(self.counts)
                memory |= {studio: stored.get(studio, (0, 0)) for studio in studios - memory.keys()}
            rows = {}
            for studio in sorted(studios):
                count, version = memory[studio]
                new = [offset for own, offset in facts if own == studio and offset >= version]
                if new:
                    memory[studio] = (count + len(new), end)
                    rows[(studio, memory[studio][0])] = end
            yield from self._tried(partial(self.insert, self.sessions, rows, token))
            yield from self._tried(partial(self._note, end, token))
            position = end

    def _note(self, end: int, token: str) -> None:
        replica = self.random.randrange(REPLICAS)
        self.positions.insert(replica, {(0, end): 0}, token, self.now_s)

    def _tried(self, ask: Callable[[], Answer]) -> Generator[None, None, Answer]:
        for _ in range(TRIES):
            yield
            try:
                return ask()
            except Away:
                continue
        raise Away("tried too often")

    def disturb(self) -> None:
        """Something happens beside the projectors, most often that a replica fetches."""
        draw, server = self.random.random(), self.random.randrange(REPLICAS)
        if draw < 0.02:
            self._lose(server)
        elif draw < 0.08:
            for table in self.tables:  # a server goes, or comes back
                table.up[server] = not table.up[server]
        elif draw < 0.10:
            self.now_s += 2 * HOUR_S
        elif draw < 0.12 and self.choice.shards_change:
            self.shards = self.choice.shards + 1
        else:
            self.fetch()

    def fetch(self) -> None:
        """Replicas fetch, and servers send what they have queued."""
        self.random.choice(self.tables).work()
        queue = self.random.choice(self.queued)
        if queue:
            table, rows, token = queue[0]
            try:
                table.insert(self.random.randrange(REPLICAS), rows, token, self.now_s)
            except Away:
                return
            queue.pop(0)

    def _lose(self, server: int) -> None:
        """A server's disk is lost, unless another one is not whole again: a majority is never lost."""
        before = self.recovering
        if before not in {None, server} and not all(table.is_whole(before or 0) for table in self.tables):
            return
        self.recovering = server
        self.queued[server] = []
        for table in self.tables:
            table.lose(server)


def run(choice: Choice, random: Random) -> str:
    """What is wrong in the end, after projectors that die, go on as zombies and come again; else empty."""
    world = World(choice, random)
    running = [world.projector()]
    for _ in range(400):
        if random.random() < 0.5:
            world.disturb()
            continue
        if not running or (len(running) < 3 and random.random() < 0.03):
            running.append(world.projector())  # beside one that is not dead: it takes over
        one = random.choice(running)
        try:
            next(one)
        except (StopIteration, Away):
            running.remove(one)
        if running and random.random() < 0.02:
            running.remove(random.choice(running))
    return _judged(world)


def _judged(world: World) -> str:
    """Everything comes back and settles, a projector goes to the log's end: then look."""
    for table in world.tables:
        table.up = [True] * REPLICAS
    for _ in range(200):
        for _ in range(300):
            world.fetch()
        try:
            for _ in world.projector():
                world.fetch()
            break
        except Away:
            continue
    else:
        return "the projector does not come to the log's end"
    for _ in range(3000):
        world.fetch()
    rows = Counter(row for table in world.facts for part in table.read(0, sequential=False) for row in part)
    wanted = Counter((studio, offset) for offset, studio in enumerate(world.log))
    counts = {studio: count for studio, (count, _) in world.counts().items()}
    if rows - wanted:
        return f"twice: {sorted(rows - wanted)}"
    if wanted - rows:
        return f"lost: {sorted(wanted - rows)}"
    return "" if counts == Counter(world.log) else f"sessions count {counts}, not {Counter(world.log)}"
