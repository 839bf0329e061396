"""`/redeem/:token`: the page of a link, and the key that it gives.

Who follows a link has no key: calls are counted by address. A redemption is bound to the caller's
`Idempotency-Key`, else to the cookie of the page: the same one is shown its key again for 24 hours. Where
nothing else identifies the caller, one that others could guess is bound to the caller's address.
Source: contract/playtests.md, "Key batches". A link's token is in its path, so that no path is logged here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl

import msgspec
from msgspec import UNSET

from schemas.edge.cors import RawHeaders
from schemas.edge.errors import Refused
from schemas.edge.ports import Game
from schemas.edge.proxy import counted_address
from schemas.edge.routes import Found, Route
from schemas.edge.zod import custom
from schemas.envelope import Outcome
from schemas.identifiers import key_hash, keyed_command_id
from schemas.playtests.batch_answers import RedeemAnswer
from schemas.playtests.batch_commands import OpenInvite, RedeemKey
from schemas.playtests.batch_routes import BODY_BYTES_MAX, REDEEM, RedeemBody, Redeemed
from schemas.playtests.names import partition_key
from schemas.playtests.ports import BatchReads, BatchRow, RedeemLink
from schemas.playtests.redemption_keys import bound_to_address, is_guessable
from schemas.playtests.secrets import BatchSecrets, email_fingerprints
from schemas.playtests.tokens import claim_token, shown_claim_token
from schemas.seal import Sealer
from streams.gateway.commands import CommandClient
from streams.gateway.http import ClientGone, Request, Response, json_response
from streams.gateway.pending_commands import CommandConflict
from streams.gateway.playtests.links import AWAY, Links, check_method, decoded, not_right, unavailable
from streams.gateway.services import Services
from streams.playtests import redemption_page as page

COOKIE_S: Final = 24 * 3600
USER_AGENT_CHARACTERS_MAX: Final = 500
_HANDLE: Final = re.compile(r"[A-Za-z0-9_-]{2,32}\Z")
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}\Z")
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}\Z")
_COOKIE: Final = re.compile(r"(?:^|;\s*)redeem=([0-9a-f]{32})(?:;|$)")
_TEXTS: Final = {
    400: "That is not right",
    404: "This link is not known",
    409: "No key for you here",
    410: "This link is no longer valid",
    429: "Too many requests",
    503: "Not available right now",
}

_OTHER_PERSON: Final = "This Idempotency-Key was another person's: send one of your own, a random UUID."

_log: Final = logging.getLogger(__name__)


class Redemptions:
    """Serves `schemas.playtests.batch_routes.REDEEM` for `streams.gateway.app`."""

    routes: Sequence[Route] = (REDEEM,)

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
        self._links = Links(services, commands, randomness=randomness)

    async def __call__(self, request: Request, found: Found) -> Response:
        """The answer, errors included: a page, unless JSON was sent; then `Refused` is raised."""
        token = found.names["token"]
        in_json = _wants_json(request)
        try:
            check_method(request, "GET", "HEAD", "POST")
            await self._links.count(request, "redeem")
            if request.method == "POST":
                return await self._redeem(request, token, in_json=in_json)
            return await self._show(request, token)
        except Refused as refused:
            problem = refused
        except CommandConflict:
            problem = Refused(409, _OTHER_PERSON, code="idempotency_mismatch")
        except AWAY:
            problem = unavailable()
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
        elif not row.batch.is_open(self._services.now_ms()):
            raise Refused(410, "The studio has closed it, or its time is over.")
        body = page.form_page(game.name, row.batch.definition, note=note, given={})
        return _html(200, body, () if given else self._new_cookie())

    async def _opened(self, link: RedeemLink, token: str) -> str | None:
        """Mark the invite opened; its note."""
        command = OpenInvite(batch_id=link.batch_id, invite_id=link.invite_id, token_hash=key_hash(token))
        await self._links.ask(link, command)
        invite = await self._reads.batch_invite(link.studio_id, link.game_id, link.batch_id, link.invite_id)
        if invite is None or invite.redeemed_at_ms is not None:
            raise Refused(409, "This link has been used.")
        return self._secrets(link).text("note", invite.personal_note)

    async def _redeem(self, request: Request, token: str, *, in_json: bool) -> Response:
        data = await self._services.body(request, BODY_BYTES_MAX, "redeem")
        fields = _fields(data, in_json=in_json)
        link, row, game = await self._linked(token)
        key = _idempotency_key(request)
        given = key or _cookie(request)
        if key and _is_anonymous(link, row) and is_guessable(key):
            given = bound_to_address(key, counted_address(self._services.source_ip(request)))
        command_id = self._command_id(link, given, token) if given else self._links.new_id()
        cookie = () if given else self._new_cookie()
        try:
            handle, email = _identity(row, fields)
            command = self._command(request, link, token, command_id, handle, email)
            meaning = _fingerprint(token, handle, email) if key else _fingerprint(token)
            outcome = await self._links.ask(
                link, command, command_id=command_id, fingerprint=meaning, keyed=bool(given)
            )
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
        key = self._secrets(link).data_key(self._randomness)
        prints = () if email is None else email_fingerprints(self._sealer, link.studio_id, email)
        agent = request.headers.get(b"user-agent", b"").decode("latin-1")[:USER_AGENT_CHARACTERS_MAX]
        return RedeemKey(
            batch_id=link.batch_id,
            token_hash=key_hash(token),
            claim_token_hash=key_hash(claim_token(self._sealer, command_id, handle)) if handle else "",
            invite_id=link.invite_id or None,
            handle=handle,
            email=None if email is None else key.seal("email", email, self._randomness),
            email_fingerprint=prints[0] if prints else None,
            old_email_fingerprints=list(prints[1:]) or UNSET,
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
        handle, claim = None, None
        if redemption is not None and redemption.handle is not None:
            handle, given = redemption.handle, redemption.claim_token_hash
            claim = shown_claim_token(self._sealer, outcome.command_id, handle, given)
        code = self._secrets(link).code(answer.code)
        if in_json:
            shown = Redeemed(key=code, handle=handle, claim_token=claim)
            return json_response(200, shown, ((b"cache-control", b"no-store"), *headers))
        body = page.key_page(game.name, row.batch.definition, code=code, claim_token=claim)
        return _html(200, body, headers)

    async def _linked(self, token: str) -> tuple[RedeemLink, BatchRow, Game]:
        """What a link leads to. Raises `Refused` (404)."""
        link = await self._reads.redeem_link(key_hash(token)) if _TOKEN.match(token) else None
        if link is not None:
            row = await self._reads.batch(link.studio_id, link.game_id, link.batch_id)
            game = await self._services.game(link.game_id)
            if row is not None and game is not None:
                return link, row, game
        raise Refused(404, "This link gives no key. Ask who sent it to you.")

    def _command_id(self, link: RedeemLink, given: str, token: str) -> str:
        return keyed_command_id(
            game_id=link.game_id, subject=key_hash(token), operation="redeem", idempotency_key=given
        )

    def _secrets(self, link: RedeemLink) -> BatchSecrets:
        return BatchSecrets(self._sealer, link.studio_id, link.game_id, link.batch_id)

    def _new_cookie(self) -> RawHeaders:
        value = self._randomness(16).hex().encode()
        cookie = b"redeem=%s; Max-Age=%d; Path=/redeem; HttpOnly; SameSite=Lax" % (value, COOKIE_S)
        return ((b"set-cookie", cookie + self._secure),)


def _html(status: int, body: bytes, headers: RawHeaders) -> Response:
    return Response(status, body, (*page.HEADERS, *headers), page.CONTENT_TYPE)


def _wants_json(request: Request) -> bool:
    kind = request.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return request.method == "POST" and kind == b"application/json"


def _fields(data: bytes, *, in_json: bool) -> dict[str, str]:
    """What a form or a JSON object says of the person. Raises `Refused` (400)."""
    if in_json:
        body = decoded(data, RedeemBody)
        return {"handle": body.handle, "email": body.email}
    try:
        given = dict(parse_qsl(data.decode(), max_num_fields=16, errors="strict"))
    except ValueError as error:
        raise _not_right([], f"The form can't be read: {error}") from None
    return {name: given[name] for name in ("handle", "email") if name in given}


def _identity(row: BatchRow, fields: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The handle and the e-mail, where the batch asks for them. Raises `Refused` (400)."""
    needed = page.needed(row.batch.definition.identity_mode)
    handle = fields.get("handle", "") if "handle" in needed else None
    email = fields.get("email", "").strip() if "email" in needed else None
    if handle is not None and _HANDLE.match(handle) is None:
        raise _not_right(["handle"], "A handle has 2 to 32 letters, digits, _ and -.")
    if email is not None and (_EMAIL.match(email) is None or not email.isprintable()):
        raise _not_right(["email"], "That is no e-mail address.")
    return handle, email


def _is_anonymous(link: RedeemLink, row: BatchRow) -> bool:
    """Whether many follow the link, and none of them gives a name or an e-mail address."""
    return not link.invite_id and not page.needed(row.batch.definition.identity_mode)


def _idempotency_key(request: Request) -> str:
    """Empty where there is none. Raises `Refused` (400)."""
    given = request.headers.get(b"idempotency-key")
    if given is None:
        return ""
    text = given.decode("latin-1")
    if _KEY.match(text) is None:
        raise _not_right(["Idempotency-Key"], "Idempotency-Key has 1 to 255 printable characters.")
    return text


def _not_right(path: list[str | int], message: str) -> Refused:
    return not_right(message, [custom(path, message)])


def _cookie(request: Request) -> str:
    match = _COOKIE.search(request.headers.get(b"cookie", b"").decode("latin-1"))
    return "" if match is None else match[1]


def _fingerprint(token: str, *person: str | None) -> bytes:
    """What a redemption is about.

    Whatever a page with the same cookie sends, it is the same. An `Idempotency-Key` may be guessed by others
    who have the link: under one of theirs a person with another handle or e-mail is shown nothing.
    """
    said = "".join(f"\0{(one or '').lower()}" for one in person)
    return bytes.fromhex(key_hash(token + said))
