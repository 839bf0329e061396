"""What several of S2's reads look up: a studio's own rows, its panel, its games, and sealed texts opened."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from schemas.edge.ports import Directory, Game
from schemas.objects import ObjectStore
from schemas.playtests import slot_json as shapes
from schemas.playtests.ports import OrderRow, PlaytestReads
from schemas.playtests.requests import not_found
from schemas.playtests.resources import GameName
from schemas.playtests.secrets import OrderSecrets
from schemas.playtests.views import Application, Playtester, Slot
from schemas.seal import Sealer


class Rows:
    """Looks up for one request at a time. Raises `Refused` (404) for what is not the studio's."""

    def __init__(
        self, directory: Directory, reads: PlaytestReads, objects: ObjectStore, sealer: Sealer
    ) -> None:
        self.directory: Final = directory
        self.reads: Final = reads
        self.objects: Final = objects
        self._sealer = sealer

    async def order(self, studio_id: str, order_id: str) -> OrderRow:
        """A studio's order."""
        row = await self.reads.order(order_id)
        if row is None or row.order.studio_id != studio_id:
            raise not_found()
        return row

    async def slot(self, studio_id: str, slot_id: str) -> Slot:
        """A studio's slot."""
        slot = await self.reads.slot(slot_id)
        if slot is None or slot.studio_id != studio_id:
            raise not_found()
        return slot

    async def game(self, studio_id: str, name: str) -> Game:
        """A studio's game by id or slug."""
        game = await self.directory.game_by_slug(studio_id, name) or await self.directory.game(name)
        if game is None or game.studio_id != studio_id:
            raise not_found()
        return game

    async def games(self, game_ids: Iterable[str]) -> dict[str, GameName]:
        """Games' names by id."""
        wanted = list({*game_ids})
        found = await asyncio.gather(*(self.directory.game(game_id) for game_id in wanted))
        return {
            game_id: GameName(id=game_id, name="" if game is None else game.name)
            for game_id, game in zip(wanted, found, strict=True)
        }

    async def panel(self, studio_id: str, slots: Sequence[Slot]) -> dict[str, Playtester]:
        """The playtesters of slots."""
        wanted = {slot.playtester_id for slot in slots if slot.playtester_id is not None}
        return await self.reads.playtesters(studio_id, wanted) if wanted else {}

    async def playtester(self, studio_id: str, playtester_id: str) -> Playtester:
        """One of a studio's panel; one of whom nothing is known yet has an empty profile."""
        found = await self.reads.playtesters(studio_id, [playtester_id])
        return found.get(playtester_id) or Playtester(id=playtester_id, studio_id=studio_id)

    def public_url(self, slot: Slot) -> str | None:
        """Where a published recording is public."""
        return self.objects.public_url(slot.public_key) if slot.public_key else None

    def response(self, application: Application) -> str | None:
        """What an applicant says of themselves, opened."""
        secrets = OrderSecrets(self._sealer, application.studio_id, application.order_id)
        return secrets.open_response(application.qualifications_response)

    async def game_keys(self, slots: Sequence[Slot]) -> list[str | None]:
        """The key that each slot shows its playtester, opened."""
        shown = [slot for slot in slots if shapes.shows_key(slot)]
        sealed = await self.reads.game_keys(shown) if shown else []
        opened = {
            slot.id: OrderSecrets(self._sealer, slot.studio_id, slot.order_id).open_key(key)
            for slot, key in zip(shown, sealed, strict=True)
        }
        return [opened.get(slot.id) for slot in slots]
