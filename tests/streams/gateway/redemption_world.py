"""Playtests' real decider behind the pages of links, and a browser's requests."""

from __future__ import annotations

import dataclasses
import json
import re
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec

from schemas.edge.ports import Game, Limits
from schemas.envelope import Command, CommandRejected, Outcome
from schemas.identifiers import key_hash
from schemas.outcomes import REMEMBERED_REFUSALS
from schemas.playtests.answers import answer_to
from schemas.playtests.batch_commands import (
    DefineBatch,
    ImportKeys,
    NewInvite,
    SealedCode,
    SendInvites,
)
from schemas.playtests.commands import COMMANDS
from schemas.playtests.names import batch_aggregate
from schemas.playtests.ports import BatchRow, RedeemLink
from schemas.playtests.secrets import code_fingerprints
from schemas.seal import Sealer
from streams.deciders.playtests.noun import PLAYTESTS
from streams.gateway.pending_commands import CommandConflict, CommandUnavailable
from streams.gateway.playtests.claims import Claims
from streams.gateway.playtests.redemptions import Redemptions
from streams.gateway.several_writes import SeveralWrites
from tests.schemas.telemetry.s4_samples import NOW
from tests.streams.deciders.playtests.given import GAME, STUDIO, Playtests
from tests.streams.deciders.playtests.money import check
from tests.streams.deciders.playtests.test_batches import BATCH, definition
from tests.streams.gateway.world import Answer, World

if TYPE_CHECKING:
    from schemas.playtests.batch_views import Invite, KeyState, Link

SEALER = Sealer(b"secret")


AGGREGATE = batch_aggregate(STUDIO, GAME, BATCH)
NOTE = "Loved <b>your</b> devlog"


class Store:
    """The decider with its outcomes, and what is read of it. `away` asks get no answer."""

    def __init__(self) -> None:
        self.decider = Playtests(credit_cents=0)
        self.decider.at_ms = NOW
        self.outcomes: dict[str, Outcome] = {}
        self.asked: list[Command] = []
        self.codes: dict[str, int] = {}
        self.away = 0

    async def submit(self, command: Command, *, fresh: bool = False, **_more: Any) -> Outcome:
        del fresh
        self.asked.append(command)
        if self.away:
            self.away -= 1
            raise CommandUnavailable("away")
        held = self.outcomes.get(command.command_id)
        if held is not None and command.keyed:
            if held.fingerprint != command.fingerprint:
                raise CommandConflict("another body")
            return held
        body = COMMANDS.decode(command.type, command.body)
        request = dataclasses.replace(self.decider.request(body), command_id=command.command_id)
        verdict = PLAYTESTS.decide(self.decider.state, request)
        if isinstance(verdict, CommandRejected):
            status, answer = verdict.status, msgspec.msgpack.encode(verdict)
        else:
            for event in verdict:
                self.decider.state = PLAYTESTS.evolve(self.decider.state, event, request.at_ms)
                check(self.decider.state)
            status, struct = answer_to(verdict)
            answer = msgspec.msgpack.encode(struct)
        outcome = Outcome(
            command_id=command.command_id, fingerprint=command.fingerprint, status=status, body=answer
        )
        if command.keyed and (status < 400 or status in REMEMBERED_REFUSALS):
            self.outcomes[command.command_id] = outcome
        return outcome

    async def stored(self, key: str, command_id: str, fingerprint: bytes) -> Outcome | None:
        assert key == STUDIO
        held = self.outcomes.get(command_id)
        assert held is None or held.fingerprint == fingerprint
        return held

    async def batch(self, studio_id: str, game_id: str, batch_id: str) -> BatchRow | None:
        known = self.decider.studio.batches.get(batch_aggregate(studio_id, game_id, batch_id))
        return None if known is None else BatchRow(batch=known.batch, counts=known.counts)

    async def batch_invite(
        self, studio_id: str, game_id: str, batch_id: str, invite_id: str
    ) -> Invite | None:
        return self.decider.studio.batches[batch_aggregate(studio_id, game_id, batch_id)].invites.get(
            invite_id
        )

    async def redeem_link(self, token_hash: str) -> RedeemLink | None:
        batch = self.decider.studio.batches[AGGREGATE]
        if token_hash == batch.batch.share_token_hash:
            return RedeemLink(studio_id=STUDIO, game_id=GAME, batch_id=BATCH)
        for one in batch.invites.values():
            if one.token_hash == token_hash:
                return RedeemLink(studio_id=STUDIO, game_id=GAME, batch_id=BATCH, invite_id=one.id)
        return None

    async def claim(self, token_hash: str) -> RedeemLink | None:
        for key in self.decider.studio.batches[AGGREGATE].keys.values():
            redemption = key.state.redemption
            if redemption is not None and redemption.claim_token_hash == token_hash:
                return RedeemLink(studio_id=STUDIO, game_id=GAME, batch_id=BATCH, key_id=key.state.id)
        return None

    async def code(self, studio_id: str, fingerprint: str) -> tuple[str, str, KeyState] | None:
        assert studio_id == STUDIO
        number = self.codes.get(fingerprint)
        if number is None:
            return None
        return GAME, BATCH, self.decider.studio.batches[AGGREGATE].keys[number].state

    async def device(self, studio_id: str, game_id: str, device_id: str) -> Link | None:
        assert studio_id == STUDIO
        game = self.decider.studio.games.get(game_id)
        return None if game is None or device_id not in game.devices else game.links[game.devices[device_id]]


class Links(World):
    """A batch of two keys, and the link to it."""

    def __init__(
        self, *, public: bool = True, store: Store | None = None, sealer: Sealer = SEALER, **more: Any
    ) -> None:
        """With a `store` the batch is there, and another process serves it."""
        self.store, self.sealer = store or Store(), sealer
        self.sizes = count(1)
        super().__init__(writes=[self._make])
        game = Game(
            id=GAME, studio_id=STUDIO, slug="maze", name="Maze & Sons", created_at_ms=0, limits=Limits()
        )
        self.directory.put(game)
        self.path = "/redeem/share" if public else "/redeem/mine"
        if store is None:
            self._define(public=public, **more)

    def _define(self, *, public: bool, **more: Any) -> None:
        decider = self.store.decider
        mode = "public" if public else "invite"
        decider.given(
            DefineBatch(
                definition=definition(redemption_mode=mode, **more), share_token_hash=key_hash("share")
            )
        )
        key = SEALER.data_key(STUDIO, AGGREGATE, self._random)
        codes = [
            SealedCode(key.seal("keys", code, self._random), code_fingerprints(SEALER, STUDIO, code)[0])
            for code in ("KEY ONE", "KEY TWO")
        ]
        decider.given(ImportKeys(batch_id=BATCH, codes=codes))
        self.store.codes = {one.fingerprint: number for number, one in enumerate(codes, 1)}
        if not public:
            invite = NewInvite(
                email=key.seal("email", "ann@x", self._random),
                email_fingerprint=SEALER.fingerprint(STUDIO, "email", "ann@x"),
                token_hash=key_hash("mine"),
                personal_note=key.seal("note", NOTE, self._random),
            )
            decider.given(SendInvites(batch_id=BATCH, invites=[invite]))

    def _random(self, size: int) -> bytes:
        return next(self.sizes).to_bytes(size, "big")

    def _make(self, services: Any) -> SeveralWrites:
        commands: Any = self.store
        reads: Any = self.store
        return SeveralWrites(
            (
                Redemptions(
                    services, commands, reads, self.sealer, randomness=self._random, secure_cookie=True
                ),
                Claims(services, commands, reads, self.sealer, randomness=self._random),
            )
        )

    async def page(self, cookie: str = "", **more: Any) -> Answer:
        return await self.call(self.path, method="GET", cookie=cookie, **more)

    async def form(self, text: str, cookie: str = "") -> Answer:
        return await self.call(self.path, text.encode(), cookie=cookie)

    async def ask(self, key: str = "", *, address: str = "1.2.3.4", **fields: str) -> Answer:
        headers = [("idempotency-key", key)] if key else []
        return await self.call(
            self.path,
            json.dumps(fields).encode(),
            client=address,
            content_type="application/json",
            headers=headers,
        )

    async def claimed(self, token: str, method: str = "POST", **more: str) -> Answer:
        body = {"claimToken": token, "gameId": GAME, "deviceId": "d1"} | more
        return await self.call("/api/telemetry/claim", json.dumps(body).encode(), method=method)


def cookie_of(answer: Answer) -> str:
    return answer.headers["set-cookie"].partition(";")[0]


def code_of(answer: Answer) -> str:
    found = re.search(rb'<code id="key">(.*?)</code>', answer.body)
    return "" if found is None else found[1].decode()
