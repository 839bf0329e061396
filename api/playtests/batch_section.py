"""S1's reads of key batches and handles: enter, validate, look up, open what is sealed, answer."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from fastapi import Request, Response

from api.playtests import batch_answers as answers
from api.playtests.batch_lists import page
from api.playtests.batch_routes import BATCHES, HANDLES, INVITES, KEYS, ROUTES
from api.segments import segment
from api.telemetry import errors
from api.telemetry.answers import game as game_answer
from api.telemetry.sections import Handler, cached
from projections.telemetry.queries.cache import RefreshingCache
from schemas.edge.ports import Game
from schemas.playtests.handles import HandleReads, HandleRow
from schemas.playtests.ports import BatchReads, BatchRow
from schemas.playtests.secrets import BatchSecrets
from schemas.seal import Sealer

if TYPE_CHECKING:
    from api.telemetry.access import Gate
    from schemas.telemetry.access import Caller

OPENED_AT_ONCE: Final = 50
_HANDLE_BYTES: Final = 600
_CACHE_BYTES: Final = 16 * 1024 * 1024
Row = TypeVar("Row")
Shown = TypeVar("Shown")


class BatchSection:
    """Implements `api.telemetry.sections.Section`."""

    routes = ROUTES

    def __init__(
        self, reads: BatchReads, handles: HandleReads, sealer: Sealer, now_ms: Callable[[], int]
    ) -> None:
        self._reads = reads
        self._sealer = sealer
        self._now_ms = now_ms

        async def load(key: tuple[str, str], _: list[HandleRow] | None) -> list[HandleRow]:
            rows = await handles.handles(*key)
            return sorted(rows, key=lambda row: (-row.claimed_at_ms, row.id))

        self._handles: RefreshingCache[tuple[str, str], list[HandleRow]] = RefreshingCache(
            load,
            monotonic=time.monotonic,
            weigh=lambda rows: _HANDLE_BYTES * (1 + len(rows)),
            weight=_CACHE_BYTES,
        )

    def handlers(self, gate: Gate) -> Mapping[str, Handler]:
        """By the names of the routes."""
        found = {
            "batches": self._batches,
            "batch": self._batch,
            "batch_keys": self._keys,
            "batch_invites": self._invites,
            "handles": self._listed_handles,
        }
        return {name: functools.partial(_of_game, gate, handler) for name, handler in found.items()}

    async def close(self) -> None:
        """End the loads that run."""
        await self._handles.close()

    async def _batches(self, game: Game, _: Request, values: dict[str, Any]) -> Response:
        rows = await self._reads.batches(game.studio_id, game.id)
        listed, more = page(rows[::-1], BATCHES, values)
        batches = [answers.listed_batch(row, self._secrets(game, row)) for row in listed]
        return _json(answers.Batches(game=game_answer(game), batches=batches, has_more=more, total=len(rows)))

    async def _batch(self, game: Game, request: Request, _: dict[str, Any]) -> Response:
        row = await self._found(game, request)
        shown = answers.batch(row, self._secrets(game, row))
        return _json(answers.OneBatch(game=game_answer(game), batch=shown))

    async def _keys(self, game: Game, request: Request, values: dict[str, Any]) -> Response:
        row = await self._found(game, request)
        held = await self._reads.batch_keys(game.studio_id, game.id, row.batch.definition.id)
        listed, more = page(answers.keys_now(row.batch, held, self._now_ms()), KEYS, values)
        secrets = self._secrets(game, row)
        keys = await _opened(listed, lambda one: answers.key(one, secrets))
        return _json(answers.Keys(batch=_name(row), keys=keys, has_more=more, total=len(held)))

    async def _invites(self, game: Game, request: Request, values: dict[str, Any]) -> Response:
        row = await self._found(game, request)
        held = await self._reads.batch_invites(game.studio_id, game.id, row.batch.definition.id)
        listed, more = page(held[::-1], INVITES, values)
        secrets = self._secrets(game, row)
        invites = await _opened(listed, lambda one: answers.invite(one, secrets))
        return _json(answers.Invites(batch=_name(row), invites=invites, has_more=more, total=len(held)))

    async def _listed_handles(self, game: Game, _: Request, values: dict[str, Any]) -> Response:
        served = await self._handles.get((game.studio_id, game.id))
        listed, more = page(served.value, HANDLES, values)
        shown = answers.Handles(
            game=game_answer(game),
            handles=[answers.handle(row) for row in listed],
            has_more=more,
            total=len(served.value),
        )
        return cached(msgspec.json.encode(shown), served)

    async def _found(self, game: Game, request: Request) -> BatchRow:
        """Raises `errors.Refused` 404 for a batch that the game does not have."""
        row = await self._reads.batch(game.studio_id, game.id, segment(request, "batch_id"))
        if row is None:
            raise errors.not_found("Batch")
        return row

    def _secrets(self, game: Game, row: BatchRow) -> BatchSecrets:
        return BatchSecrets(self._sealer, game.studio_id, game.id, row.batch.definition.id)


async def _of_game(
    gate: Gate,
    handler: Callable[[Game, Request, dict[str, Any]], Any],
    request: Request,
    caller: Caller,
    values: dict[str, Any],
) -> Response:
    game = await gate.game(caller, segment(request, "game"))
    answered: Response = await handler(game, request, values)
    return answered


async def _opened(rows: Sequence[Row], show: Callable[[Row], Shown]) -> list[Shown]:
    """A whole batch's texts take a second to open: others are served meanwhile."""
    found = []
    for index, row in enumerate(rows, 1):
        found.append(show(row))
        if index % OPENED_AT_ONCE == 0:
            await asyncio.sleep(0)
    return found


def _name(row: BatchRow) -> answers.BatchName:
    definition = row.batch.definition
    return answers.BatchName(id=definition.id, name=definition.name)


def _json(answer: answers.Answer) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json")
