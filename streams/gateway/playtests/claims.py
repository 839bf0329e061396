"""What games ask about key batches: claims of handles by their tokens, and whether a code is valid.

A claim has no key and is counted by address; every refusal of one is the same 404. A code is checked with an
ingest key. Source: contract/playtests.md, "Key batches".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from schemas.edge.errors import Refused
from schemas.edge.limits import S1_DEFAULT_PER_MINUTE
from schemas.edge.ports import Credential
from schemas.edge.routes import Found, Route
from schemas.identifiers import id_problem, key_hash
from schemas.playtests.batch_answers import LinkAnswer
from schemas.playtests.batch_commands import LinkTester, UnlinkTester
from schemas.playtests.batch_routes import (
    BODY_BYTES_MAX,
    CLAIM,
    TESTER,
    VALIDATE,
    ClaimBody,
    Claimed,
    CodeBody,
    Tester,
    Unknown,
    Unlinked,
    Valid,
)
from schemas.playtests.ports import BatchReads
from schemas.playtests.secrets import code_fingerprints
from schemas.seal import Sealer
from schemas.telemetry.errors import S1Text
from streams.gateway import s1
from streams.gateway.commands import CommandClient
from streams.gateway.http import Request, Response, json_response
from streams.gateway.playtests.links import AWAY, Links, check_method, decoded, unavailable
from streams.gateway.services import Services

_UNKNOWN: Final = Unknown()


class Claims:
    """Serves three routes of `schemas.playtests.batch_routes` for `streams.gateway.app`."""

    routes: Sequence[Route] = (CLAIM, TESTER, VALIDATE)

    def __init__(
        self,
        services: Services,
        commands: CommandClient,
        reads: BatchReads,
        sealer: Sealer,
        *,
        randomness: Callable[[int], bytes],
    ) -> None:
        self._services = services
        self._reads = reads
        self._sealer = sealer
        self._links = Links(services, commands, randomness=randomness)

    async def __call__(self, request: Request, found: Found) -> Response:
        """The answer. Raises `Refused`."""
        try:
            if found.route is VALIDATE:
                return await self._validate(request)
            await self._links.count(request, "claim")
            return await (self._claim(request) if found.route is CLAIM else self._tester(request))
        except AWAY:
            raise unavailable() from None

    async def _claim(self, request: Request) -> Response:
        check_method(request, "POST", "DELETE")
        data = await self._services.body(request, BODY_BYTES_MAX, "claim")
        try:
            body = decoded(data, ClaimBody)
        except Refused:
            return json_response(404, _UNKNOWN)
        link = await self._reads.claim(key_hash(body.claim_token))
        well_formed = id_problem(body.device_id) is None
        game = None if link is None else await self._services.game(link.game_id)
        if link is None or game is None or body.game_id not in {game.id, game.slug} or not well_formed:
            return json_response(404, _UNKNOWN)
        kind = LinkTester if request.method == "POST" else UnlinkTester
        command = kind(
            batch_id=link.batch_id,
            key_id=link.key_id,
            claim_token_hash=key_hash(body.claim_token),
            device_id=body.device_id,
        )
        try:
            outcome = await self._links.ask(link, command)
        except Refused:
            return json_response(404, _UNKNOWN)
        if request.method == "DELETE":
            held = msgspec.msgpack.decode(outcome.body, type=dict)
            return json_response(200, Unlinked(unlinked="link" in held))
        answer = msgspec.msgpack.decode(outcome.body, type=LinkAnswer)
        made = answer.link
        claimed = Claimed(
            already_linked=answer.already_linked, handle=made.handle, claimed_at=made.claimed_at_ms
        )
        return json_response(200, claimed)

    async def _tester(self, request: Request) -> Response:
        check_method(request, "GET", "HEAD")
        query = dict(parse_qsl(request.scope["query_string"].decode("latin-1")))
        game = await self._services.game(query.get("gameId", ""))
        if game is None or not query.get("deviceId"):
            return json_response(404, _UNKNOWN)
        link = await self._reads.device(game.studio_id, game.id, query["deviceId"])
        handle, since = (None, None) if link is None else (link.handle, link.claimed_at_ms)
        return json_response(200, Tester(linked=link is not None, handle=handle, claimed_at=since))

    async def _validate(self, request: Request) -> Response:
        check_method(request, "POST")
        credential = await s1.authenticate(self._services, request)
        await self._links.count(request, f"validate:{credential.studio_id}", S1_DEFAULT_PER_MINUTE)
        data = await self._services.body(request, BODY_BYTES_MAX, credential.key_id)
        body = decoded(data, CodeBody)
        game = await s1.own_game(self._services, credential, body.game_id)
        if game is None:
            raise Refused(404, S1Text.UNKNOWN_GAME, code=S1Text.UNKNOWN_GAME)
        return json_response(200, Valid(valid=await self._is_valid(credential, game.id, body.code)))

    async def _is_valid(self, credential: Credential, game_id: str, code: str) -> bool:
        """Whether the code's key is redeemed, or may still be."""
        studio_id = credential.studio_id
        for fingerprint in code_fingerprints(self._sealer, studio_id, code):
            found = await self._reads.code(studio_id, fingerprint)
            if found is None:
                continue
            of_game, batch_id, key = found
            if of_game != game_id or key.status in {"revoked", "expired"}:
                return False
            if key.status == "redeemed":
                return True
            row = await self._reads.batch(studio_id, game_id, batch_id)
            return row is not None and row.batch.is_open(self._services.now_ms())
        return False
