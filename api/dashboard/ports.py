"""What the dashboard is given by the composition root."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from schemas.edge.ports import Directory, KeyHashes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Receive, Scope, Send

    from api.liveops.game_boards import FoundBoard
    from api.playtests.http import Shown
    from projections.fleet.queries.logs import LogLine, LogPlace
    from schemas.edge.cors import RawHeaders
    from schemas.edge.ports import Game
    from schemas.fleet.host_views import Host
    from schemas.fleet.responses import BuildList, BuildLogs, ServerList, ServerMetrics
    from schemas.fleet.states import Status
    from schemas.lag import ProjectionLag
    from schemas.liveops.responses import LedgerResponse, ServerPlayerResponse
    from schemas.playtests.ports import BatchRow, Place
    from schemas.playtests.responses import Balance, DownloadUrl, Stats
    from schemas.playtests.views import SlotStatus


class DashboardDirectory(Directory, KeyHashes, Protocol):
    """Credentials by key and by hash, studios and games; at most 1 s old."""


class LiveMinute(msgspec.Struct, frozen=True):
    """What arrived in one minute, by the log's clock. `minute` is unix seconds of its start."""

    minute: int
    events: int


class LiveSource(Protocol):
    """Live counters. Raises StoreUnavailable."""

    async def events_per_minute(self, game_id: str, minutes: int) -> Sequence[LiveMinute]:
        """The last minutes that had any events, in order, the running one included."""
        ...


class LagSource(Protocol):
    """What /readyz shows. Never raises for a part that is away: that part is `down`."""

    async def projections(self) -> Sequence[ProjectionLag]:
        """Every projection, in a stable order."""
        ...


class LiveopsSource(Protocol):
    """Live-ops' reads in S3's shapes. Performs no authorization; raises StoreUnavailable."""

    async def board(self, game: Game, board_id: str) -> FoundBoard | None:
        """A board of the game, that of an open window before its first player too; None for another's."""
        ...

    async def top(self, game: Game, board_id: str, limit: int) -> bytes | None:
        """LeaderboardResponse, at most a second old; None where the game has no such board."""
        ...

    async def follow(
        self,
        game: Game,
        found: FoundBoard,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        headers: RawHeaders,
    ) -> tuple[int, str] | None:
        """Serve the board's server-sent events on this connection until they end.

        A status and a sentence where it was refused before anything was sent. May be cancelled: a caller that
        cancels ends the response.
        """
        ...

    async def player(self, game: Game, external_id: str) -> ServerPlayerResponse | None:
        """Everything of one player; None for an unknown one."""
        ...

    async def ledger(self, game: Game, external_id: str, below: int, limit: int) -> LedgerResponse | None:
        """`ledger`: movements numbered below `below`, newest first; `nextCursor`, null at the end."""
        ...


class PlaytestsSource(Protocol):
    """Playtests' reads in S2's shapes, pages of 50 rows. Performs no authorization.

    Raises StoreUnavailable, ObjectStoreError, and `Refused`: 404 for what is not the studio's, 400 for
    applications to an automatic playtest, 422 for a cursor of another list.
    """

    async def stats(self, studio_id: str) -> Stats:
        """The studio's summary."""
        ...

    async def balance(self, studio_id: str) -> Balance:
        """The studio's credit."""
        ...

    async def orders(self, game: Game, before: Place | None) -> Shown:
        """`GamePlaytests`, newest first."""
        ...

    async def slots(self, studio_id: str, order_id: str, before: Place | None) -> Shown:
        """`Slots` of a playtest, newest first."""
        ...

    async def submissions(self, studio_id: str, status: SlotStatus, before: Place | None) -> Shown:
        """`Submissions` of the studio's slots of one status, newest first."""
        ...

    async def applications(self, studio_id: str, order_id: str, before: Place | None) -> Shown:
        """`Applications` to a playtest, pending ones first."""
        ...

    async def recording(self, studio_id: str, slot_id: str) -> DownloadUrl:
        """Where a slot's recording can be read for an hour."""
        ...

    async def batches(self, game: Game) -> list[BatchRow]:
        """The game's key batches, the newest first."""
        ...


class FleetSource(Protocol):
    """The fleet's reads in S5's shapes, pages of 50 rows from page 1. Performs no authorization.

    Raises StoreUnavailable, and `Refused` (404) for what is not the game's.
    """

    async def count(self, game: Game, status: Status, *, pool: bool) -> int:
        """How many servers of a status there are; with unclaimed pool servers where `pool`."""
        ...

    async def servers(self, game: Game, *, stopped: bool, page: int) -> ServerList:
        """Servers, newest first: those that live, unclaimed pool servers among them, or that stopped."""
        ...

    async def metrics(self, game: Game, instance_id: str, period: str, step: str) -> ServerMetrics:
        """What a server used in a period up to now."""
        ...

    async def log_tail(
        self, game: Game, instance_id: str, after: LogPlace | None, limit: int
    ) -> list[LogLine]:
        """What a server printed behind a place, else its newest lines; the oldest first."""
        ...

    async def builds(self, game: Game, *, page: int) -> BuildList:
        """Builds that are not deleted, newest first."""
        ...

    async def build_logs(self, game: Game, build_id: str) -> BuildLogs:
        """The newest lines about a build's processing, the oldest of them first."""
        ...

    async def hosts(self) -> list[Host]:
        """Every host that ever joined, by id."""
        ...
