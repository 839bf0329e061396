"""Key batches from outside: `/redeem/:token`, claims of handles, and the check of a code.

Who follows a link has no key: calls are counted by address. A redemption is bound to the caller's
`Idempotency-Key`, else to the cookie of the page: the same one is shown its key again for 24 hours.
Source: contract/playtests.md, "Key batches". A link's token is in its path, so that no path is logged here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from schemas.edge.cors import RawHeaders
from schemas.edge.errors import Refused, retry_after
from schemas.edge.limits import MINUTE_MS, RETRY_AFTER_UNAVAILABLE_S
from schemas.edge.ports import Game, StoreUnavailable
from schemas.edge.proxy import counted_address
from schemas.edge.routes import Found, Route
from schemas.envelope import CommandRejected, Outcome
from schemas.identifiers import ID_CHARACTERS_MAX, key_hash, keyed_command_id
from schemas.log import LogUnavailable
from schemas.playtests.batch_answers import LinkAnswer, RedeemAnswer
from schemas.playtests.batch_commands import LinkTester, OpenInvite, RedeemKey, UnlinkTester
from schemas.playtests.batch_routes import CLAIM, REDEEM, TESTER, Claimed, Redeemed, Tester
from schemas.playtests.commands import COMMANDS
from schemas.playtests.names import batch_aggregate, partition_key
from schemas.playtests.ports import BatchReads, BatchRow, RedeemLink
from schemas.playtests.tokens import claim_token
from schemas.seal import Sealer
from streams.asking import CommandBuilder
from streams.gateway.commands import CommandClient
from streams.gateway.http import ClientGone, Request, Response, json_response
from streams.gateway.pending_commands import CommandConflict, CommandTooLarge, CommandUnavailable
from streams.gateway.services import Services
from streams.playtests import redemption_page as page

BODY_BYTES_MAX: Final = 8 * 1024
CALLS_PER_MINUTE: Final = 20
"""Of one address, to all links together; likewise to claims."""
COOKIE_S: Final = 24 * 3600
USER_AGENT_CHARACTERS_MAX: Final = 500
EMAIL_KIND: Final = "email"
_HANDLE: Final = re.compile(r"[A-Za-z0-9_-]{2,32}\Z")
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}\Z")
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}\Z")
_COOKIE: Final = re.compile(r"(?:^|;\s*)redeem=([0-9a-f]{32})(?:;|$)")
_UNKNOWN: Final = {"ok": False, "reason": "unknown"}
_AWAY: Final = (CommandUnavailable, CommandConflict, CommandTooLarge, StoreUnavailable, LogUnavailable)
_TEXTS: Final = {
    400: "That is not right",
    404: "This link is not known",
    409: "No key for you here",
    410: "This link is no longer valid",
    429: "Too many requests",
    503: "Not available right now",
}

_log: Final = logging.getLogger(__name__)


class ClaimBody(msgspec.Struct, frozen=True, rename="camel"):
    """What a game sends to link a device."""

    claim_token: str
    game_id: str
    device_id: str


class Redemptions:
    """Serves the routes of `schemas.playtests.batch_routes` for `streams.gateway.app`."""

    routes: Sequence[Route] = (REDEEM, CLAIM, TESTER)

    def __init__(
        self,
        services: Services,
        commands: CommandClient,
        reads: BatchReads,
        sealer: Sealer,
        *,
        randomness: Callable[[int], bytes],
        secure_cookie: bool,
    ) -> None:
        self._services = services
        self._commands = commands
        self._reads = reads
        self._sealer = sealer
        self._randomness = randomness
        self._secure = b"; Secure" if secure_cookie else b""
        self._builder = CommandBuilder(COMMANDS, clock_ms=services.now_ms, randomness=randomness)

    async def __call__(self, request: Request, found: Found) -> Response:
        """The answer, errors included."""
        if found.route is REDEEM:
            return await self._redeem_page(request, found.names["token"])
        try:
            await self._count(request, "claim")
            return await (self._claim(request) if found.route is CLAIM else self._tester(request))
        except _AWAY:
            raise _unavailable() from None

    async def _redeem_page(self, request: Request, token: str) -> Response:
        in_json = _wants_json(request)
        try:
            _check_method(request, "GET", "HEAD", "POST")
            await self._count(request, "redeem")
            if request.method == "POST":
                return await self._redeem(request, token, in_json=in_json)
            return await self._show(request, token)
        except Refused as refused:
            problem = refused
        except _AWAY:
            problem = _unavailable()
        except ClientGone:
            raise
        except Exception:  # noqa: BLE001 - the last resort; the path holds the token and is not logged
            _log.exception("%s %s failed", request.method, REDEEM.template)
            problem = Refused(500, "internal error")
        if in_json:
            raise problem
        title = _TEXTS.get(problem.status, "That did not work")
        body = page.message_page(title, problem.message)
        return _html(problem.status, body, problem.headers)

    async def _show(self, request: Request, token: str) -> Response:
        link, row, game = await self._linked(token)
        given = _cookie(request)
        if given:
            held = await self._commands.stored(
                partition_key(link.studio_id), self._command_id(link, given, token), _fingerprint(token)
            )
            if held is not None and held.status == 201:
                return self._key(held, link, row, game, in_json=False)
        note = None
        if link.invite_id:
            note = await self._opened(link, token)
        elif not _is_open(row, self._services.now_ms()):
            raise Refused(410, "The studio has closed it, or its time is over.")
        body = page.form_page(game.name, row.batch.definition, note=note, given={})
        return _html(200, body, () if given else self._new_cookie())

    async def _opened(self, link: RedeemLink, token: str) -> str | None:
        """Mark the invite opened; its note."""
        command = OpenInvite(batch_id=link.batch_id, invite_id=link.invite_id, token_hash=key_hash(token))
        await self._ask(link, command)
        invite = await self._reads.batch_invite(link.studio_id, link.game_id, link.batch_id, link.invite_id)
        if invite is None or invite.redeemed_at_ms is not None:
            raise Refused(409, "This link has been used.")
        return None if invite.personal_note is None else self._open(link, "note", invite.personal_note)

    async def _redeem(self, request: Request, token: str, *, in_json: bool) -> Response:
        data = await self._services.body(request, BODY_BYTES_MAX, "redeem")
        fields = _fields(data, in_json=in_json)
        link, row, game = await self._linked(token)
        given = _idempotency_key(request) or _cookie(request)
        command_id = self._command_id(link, given, token) if given else self._builder.new_id()
        cookie = () if given else self._new_cookie()
        try:
            handle, email = _identity(row, fields)
            command = self._command(request, link, token, command_id, handle, email)
            outcome = await self._ask(link, command, command_id=command_id, token=token, keyed=bool(given))
            return self._key(outcome, link, row, game, in_json=in_json, headers=cookie)
        except Refused as refused:
            if in_json or refused.status not in {400, 409}:
                raise
            body = page.form_page(
                game.name, row.batch.definition, note=None, problem=refused.message, given=fields
            )
            # Another cookie: under this one the refusal would be remembered.
            return _html(refused.status, body, self._new_cookie())

    def _command(  # noqa: PLR0917 - one place calls it
        self,
        request: Request,
        link: RedeemLink,
        token: str,
        command_id: str,
        handle: str | None,
        email: str | None,
    ) -> RedeemKey:
        aggregate = batch_aggregate(link.studio_id, link.game_id, link.batch_id)
        key = self._sealer.data_key(link.studio_id, aggregate, self._randomness)
        agent = request.headers.get(b"user-agent", b"").decode("latin-1")[:USER_AGENT_CHARACTERS_MAX]
        return RedeemKey(
            batch_id=link.batch_id,
            token_hash=key_hash(token),
            claim_token_hash=key_hash(claim_token(self._sealer, command_id)) if handle else "",
            invite_id=link.invite_id or None,
            handle=handle,
            email=None if email is None else key.seal("email", email, self._randomness),
            email_fingerprint=None if email is None else self._email_fingerprint(link, email),
            country=self._services.place(request).country,
            user_agent=key.seal("userAgent", agent, self._randomness) if agent else None,
        )

    def _key(
        self,
        outcome: Outcome,
        link: RedeemLink,
        row: BatchRow,
        game: Game,
        *,
        in_json: bool,
        headers: RawHeaders = (),
    ) -> Response:
        answer = msgspec.msgpack.decode(outcome.body, type=RedeemAnswer)
        redemption = answer.key.redemption
        handle = redemption.handle if redemption is not None else None
        claim = claim_token(self._sealer, outcome.command_id) if handle is not None else None
        code = self._open(link, "keys", answer.code)
        if in_json:
            shown = Redeemed(key=code, handle=handle, claim_token=claim)
            return json_response(200, shown, ((b"cache-control", b"no-store"), *headers))
        body = page.key_page(game.name, row.batch.definition, code=code, claim_token=claim)
        return _html(200, body, headers)

    async def _claim(self, request: Request) -> Response:
        _check_method(request, "POST", "DELETE")
        data = await self._services.body(request, BODY_BYTES_MAX, "claim")
        try:
            body = msgspec.json.decode(data, type=ClaimBody)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refused(400, str(error)) from None
        link = await self._reads.claim(key_hash(body.claim_token))
        well_formed = 0 < len(body.device_id) <= ID_CHARACTERS_MAX
        if link is None or link.game_id != body.game_id or not well_formed:
            return json_response(404, _UNKNOWN)
        kind = LinkTester if request.method == "POST" else UnlinkTester
        command = kind(
            batch_id=link.batch_id,
            key_id=link.key_id,
            claim_token_hash=key_hash(body.claim_token),
            device_id=body.device_id,
        )
        try:
            outcome = await self._ask(link, command)
        except Refused:
            return json_response(404, _UNKNOWN)
        if request.method == "DELETE":
            held = msgspec.msgpack.decode(outcome.body, type=dict)
            return json_response(200, {"ok": True, "unlinked": "link" in held})
        answer = msgspec.msgpack.decode(outcome.body, type=LinkAnswer)
        made = answer.link
        claimed = Claimed(
            already_linked=answer.already_linked, handle=made.handle, claimed_at=made.claimed_at_ms
        )
        return json_response(200, claimed)

    async def _tester(self, request: Request) -> Response:
        _check_method(request, "GET", "HEAD")
        query = dict(parse_qsl(request.scope["query_string"].decode("latin-1")))
        game = await self._services.game(query.get("gameId", ""))
        if game is None or not query.get("deviceId"):
            return json_response(404, _UNKNOWN)
        link = await self._reads.device(game.studio_id, game.id, query["deviceId"])
        handle, since = (None, None) if link is None else (link.handle, link.claimed_at_ms)
        return json_response(200, Tester(linked=link is not None, handle=handle, claimed_at=since))

    async def _linked(self, token: str) -> tuple[RedeemLink, BatchRow, Game]:
        """What a link leads to. Raises `Refused` (404)."""
        link = await self._reads.redeem_link(key_hash(token)) if _TOKEN.match(token) else None
        if link is not None:
            row = await self._reads.batch(link.studio_id, link.game_id, link.batch_id)
            game = await self._services.game(link.game_id)
            if row is not None and game is not None:
                return link, row, game
        raise Refused(404, "Nobody can redeem a key here. Ask who sent you the link.")

    async def _ask(
        self, link: RedeemLink, body: Any, *, command_id: str = "", token: str = "", keyed: bool = False
    ) -> Outcome:
        """The outcome of a success. Raises `Refused` with the decider's refusal."""
        command = self._builder.build(
            body,
            aggregate_id=batch_aggregate(link.studio_id, link.game_id, link.batch_id),
            studio_id=link.studio_id,
            game_id=link.game_id,
            command_id=command_id,
            fingerprint=_fingerprint(token) if token else b"",
            keyed=keyed,
        )
        outcome = await self._commands.submit(command)
        if outcome.status < 400:
            return outcome
        if outcome.status == 500:
            raise Refused(500, "internal error")
        refusal = msgspec.msgpack.decode(outcome.body, type=CommandRejected)
        raise Refused(outcome.status, refusal.message, code=refusal.code)

    def _command_id(self, link: RedeemLink, given: str, token: str) -> str:
        return keyed_command_id(
            game_id=link.game_id, subject=key_hash(token), operation="redeem", idempotency_key=given
        )

    def _email_fingerprint(self, link: RedeemLink, email: str) -> str:
        return self._sealer.fingerprint(link.studio_id, EMAIL_KIND, email.casefold())

    def _open(self, link: RedeemLink, field: str, sealed: str) -> str:
        aggregate = batch_aggregate(link.studio_id, link.game_id, link.batch_id)
        return self._sealer.open(sealed, studio_id=link.studio_id, aggregate_id=aggregate, field=field)

    def _new_cookie(self) -> RawHeaders:
        value = self._randomness(16).hex().encode()
        cookie = b"redeem=%s; Max-Age=%d; Path=/redeem; HttpOnly; SameSite=Lax" % (value, COOKIE_S)
        return ((b"set-cookie", cookie + self._secure),)

    async def _count(self, request: Request, what: str) -> None:
        """Raises `Refused` (429)."""
        bucket = f"{what}:{counted_address(self._services.source_ip(request))}"
        verdict = await self._services.limiter.take(bucket, limit=CALLS_PER_MINUTE, period_ms=MINUTE_MS)
        if not verdict.allowed:
            wait = retry_after(verdict.retry_after_ms)
            raise Refused(
                429,
                f"Try again in {wait} s.",
                headers=((b"retry-after", wait.encode()),),
                retryAfterMs=verdict.retry_after_ms,
                scope="ip",
            )


def _html(status: int, body: bytes, headers: RawHeaders) -> Response:
    return Response(status, body, (*page.HEADERS, *headers), page.CONTENT_TYPE)


def _is_open(row: BatchRow, now_ms: int) -> bool:
    expires_at_ms = row.batch.definition.expires_at_ms
    return row.batch.status == "open" and (expires_at_ms is None or now_ms < expires_at_ms)


def _check_method(request: Request, *allowed: str) -> None:
    if request.method not in allowed:
        names = ", ".join((*allowed, "OPTIONS"))
        raise Refused(405, f"{request.method} is not allowed here", headers=((b"allow", names.encode()),))


def _wants_json(request: Request) -> bool:
    kind = request.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return request.method == "POST" and kind == b"application/json"


def _fields(data: bytes, *, in_json: bool) -> dict[str, str]:
    """The fields of a form or a JSON object that are texts. Raises `Refused` (400)."""
    try:
        given: Mapping[str, Any]
        given = (
            msgspec.json.decode(data, type=dict[str, Any])
            if in_json
            else dict(parse_qsl(data.decode(), max_num_fields=16))
        )
    except (msgspec.DecodeError, ValueError) as error:
        raise Refused(400, f"The body can't be read: {error}") from None
    return {name: given[name] for name in ("handle", "email") if isinstance(given.get(name), str)}


def _identity(row: BatchRow, fields: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The handle and the e-mail, where the batch asks for them. Raises `Refused` (400)."""
    needed = page.needed(row.batch.definition.identity_mode)
    handle = fields.get("handle", "") if "handle" in needed else None
    email = fields.get("email", "").strip() if "email" in needed else None
    if handle is not None and _HANDLE.match(handle) is None:
        raise Refused(400, "A handle has 2 to 32 letters, digits, _ and -.", field="handle")
    if email is not None and _EMAIL.match(email) is None:
        raise Refused(400, "That is no e-mail address.", field="email")
    return handle, email


def _idempotency_key(request: Request) -> str:
    given = request.headers.get(b"idempotency-key")
    if given is None:
        return ""
    text = given.decode("latin-1")
    if _KEY.match(text) is None:
        raise Refused(400, "Idempotency-Key has 1 to 255 printable characters.", field="idempotencyKey")
    return text


def _cookie(request: Request) -> str:
    match = _COOKIE.search(request.headers.get(b"cookie", b"").decode("latin-1"))
    return "" if match is None else match[1]


def _fingerprint(token: str) -> bytes:
    """Whatever is sent with the same key, it is the same redemption."""
    return bytes.fromhex(key_hash(token))


def _unavailable() -> Refused:
    return Refused(
        503,
        "It may or may not have happened: try again.",
        headers=((b"retry-after", b"%d" % RETRY_AFTER_UNAVAILABLE_S),),
    )
