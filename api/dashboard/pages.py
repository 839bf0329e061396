"""The pages, signing in and signing out. The key travels once, in a form's body, and is kept nowhere."""

from __future__ import annotations

import asyncio
import contextlib
import html
import logging
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from starlette.requests import ClientDisconnect

from api.dashboard.access import SessionAuthenticator, SignedOut, opens_dashboard
from api.dashboard.page_frame import framed
from api.dashboard.sections import LIVE, OLD_PAGES, SECTIONS, Section, moved_to
from api.dashboard.security import PRIVATE_HEADERS, posted_by_our_page, private_headers
from api.dashboard.session import LIFETIME_MS
from schemas.edge.limits import sign_in_bucket
from schemas.edge.ports import RateLimiter, StoreUnavailable
from schemas.identifiers import key_hash

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from api.dashboard.static_files import StaticFiles
    from schemas.edge.ports import Credential

HOME: Final = f"/dashboard/{LIVE.name}"
"""Where `/` and every address under `/dashboard` that is none of its pages lead."""
ATTEMPTS_PER_MINUTE: Final = 10
_FORM_BYTES_MAX: Final = 4096
_FORM_SECONDS: Final = 10.0
_KEY_CHARS_MAX: Final = 512
_log: Final = logging.getLogger("questlog.dashboard")

UNKNOWN_KEY: Final = "That key is not known. It may have been rotated or revoked."
WRONG_KIND: Final = "That key can't open the dashboard. Use a secret key or a management key."
TOO_LATE: Final = "The form did not arrive in time. Please try again."
NO_KEY: Final = "Enter a key to sign in."
NOT_OUR_FORM: Final = "That form was not sent from this page. Please try again here."
UNAVAILABLE: Final = "Keys can't be checked right now. Please try again in a few seconds."


class SignInFailed(Exception):
    """Signing in didn't work: the status, what to tell the person, and how long to wait."""

    def __init__(self, status: int, message: str, retry_after_ms: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after_ms = retry_after_ms


class Pages:
    """The pages, the form's two posts and the static files."""

    def __init__(
        self,
        authenticator: SessionAuthenticator,
        limiter: RateLimiter,
        files: StaticFiles,
        client_ip: Callable[[Request], str],
        *,
        media_origins: Sequence[str],
    ) -> None:
        self._media_origins = media_origins
        self._authenticator = authenticator
        self._limiter = limiter
        self._files = files
        self._client_ip = client_ip

    def router(self) -> APIRouter:
        """The routes under /dashboard, but for its data, and `/`."""
        router = APIRouter(include_in_schema=False)
        for path in ("/", "/dashboard", "/dashboard/", "/dashboard/sign-in", "/dashboard/sign-out"):
            router.add_api_route(path, self.to_home, methods=["GET"])
        for section in SECTIONS:
            router.add_api_route(f"/dashboard/{section.name}", self._answers(section), methods=["GET"])
        for page in OLD_PAGES:
            router.add_api_route(f"/dashboard/{page}", self._moved(page), methods=["GET"])
        router.add_api_route("/dashboard/signed-in", self.signed_in, methods=["GET"])
        router.add_api_route("/dashboard/sign-in", self.sign_in, methods=["POST"])
        router.add_api_route("/dashboard/sign-out", self.sign_out, methods=["POST"])
        router.add_api_route("/dashboard/static/{name:path}", self.static, methods=["GET"])
        return router

    async def to_home(self) -> Response:
        """To the first section."""
        return RedirectResponse(HOME, status_code=303, headers=PRIVATE_HEADERS)

    def _moved(self, page: str) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            target = moved_to(page, dict(request.query_params))
            return RedirectResponse(target, status_code=308, headers=PRIVATE_HEADERS)

        return answer

    def _answers(self, section: Section) -> Callable[[Request], Awaitable[Response]]:
        text = framed(section, self._files.text)
        headers = private_headers(self._media_origins) if section.plays_media else PRIVATE_HEADERS

        async def answer(request: Request) -> Response:
            try:
                await self._authenticator.principal(request)
            except SignedOut:
                return self._form()
            except StoreUnavailable:
                pass  # the page holds no data of its own; its banner explains and tries again
            return HTMLResponse(text, headers=headers)

        return answer

    async def signed_in(self, request: Request) -> Response:
        """Whether there is a session: a link from another site arrives without the strict cookie."""
        try:
            await self._authenticator.principal(request)
        except (SignedOut, StoreUnavailable):
            return JSONResponse({"signed_in": False}, headers=PRIVATE_HEADERS)
        return JSONResponse({"signed_in": True}, headers=PRIVATE_HEADERS)

    async def sign_in(self, request: Request) -> Response:
        """Trade a key for a session cookie. 400, 401, 403, 429 and 503 show the form with a sentence."""
        try:
            key, credential = await self._accepted_key(request)
        except SignInFailed as refused:
            said = {"status": refused.status, "reason": refused.message, "address": self._client_ip(request)}
            _log.warning("sign-in refused", extra=said)
            return self._form(refused)
        who = {"key_id": credential.key_id, "kind": credential.kind, "studio_id": credential.studio_id}
        _log.info("signed in", extra={**who, "address": self._client_ip(request)})
        response = await self.to_home()
        cookie = self._authenticator.cookie
        response.set_cookie(
            cookie.name,
            self._authenticator.signer.issue(key_hash(key), self._authenticator.clock_ms()),
            max_age=LIFETIME_MS // 1000,
            path=cookie.path,
            secure=cookie.secure,
            httponly=True,
            samesite="strict",
        )
        return response

    async def sign_out(self, request: Request) -> Response:
        """End the session and forget the cookie. Doing it twice is fine.

        While the store of ended sessions is away only the cookie is forgotten: a person who has to leave
        a browser is not kept.
        """
        if not posted_by_our_page(request):
            return self._form(SignInFailed(403, NOT_OUR_FORM))
        with contextlib.suppress(StoreUnavailable):
            await self._authenticator.end(request)
        response = await self.to_home()
        cookie = self._authenticator.cookie
        response.delete_cookie(
            cookie.name, path=cookie.path, secure=cookie.secure, httponly=True, samesite="strict"
        )
        return response

    async def static(self, request: Request, name: str) -> Response:
        """A script, a style or an icon."""
        return self._files.answer(request, name)

    async def _accepted_key(self, request: Request) -> tuple[str, Credential]:
        if not posted_by_our_page(request):
            raise SignInFailed(403, NOT_OUR_FORM)
        try:
            verdict = await self._limiter.take(
                sign_in_bucket(self._client_ip(request)), limit=ATTEMPTS_PER_MINUTE, period_ms=60_000
            )
            if not verdict.allowed:
                seconds = -(-verdict.retry_after_ms // 1000)
                message = f"Too many attempts from this address. Try again in {seconds} s."
                raise SignInFailed(429, message, verdict.retry_after_ms)
            key = await _form_key(request)
            credential = await self._authenticator.directory.credential(key)
        except StoreUnavailable as away:
            raise SignInFailed(503, UNAVAILABLE, 2000) from away
        if credential is None:
            raise SignInFailed(401, UNKNOWN_KEY)
        if not opens_dashboard(credential):
            raise SignInFailed(403, WRONG_KIND)
        return key, credential

    def _form(self, refused: SignInFailed | None = None) -> Response:
        page = self._files.text("sign_in.html")
        if refused is None:
            return HTMLResponse(page, headers=PRIVATE_HEADERS)
        headers = dict(PRIVATE_HEADERS)
        if refused.retry_after_ms:
            headers["Retry-After"] = str(-(-refused.retry_after_ms // 1000))
        notice = f'<p class="notice" role="alert">{html.escape(refused.message)}</p>'
        return HTMLResponse(
            page.replace("<!-- notice -->", notice), status_code=refused.status, headers=headers
        )


async def _form_key(request: Request) -> str:
    """The form's `key`, from at most 4 KiB of body within 10 s. Raises SignInFailed where there is none."""
    body = b""
    try:
        async with asyncio.timeout(_FORM_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _FORM_BYTES_MAX:
                    raise SignInFailed(413, UNKNOWN_KEY)
    except TimeoutError as late:
        raise SignInFailed(408, TOO_LATE) from late
    except ClientDisconnect as gone:
        raise SignInFailed(400, NO_KEY) from gone  # no response can be sent
    try:
        values = parse_qs(body.decode("ascii"), max_num_fields=8, errors="strict").get("key", [])
    except ValueError as error:
        raise SignInFailed(400, NO_KEY) from error
    key = values[0].strip() if len(values) == 1 else ""
    if not 0 < len(key) <= _KEY_CHARS_MAX:
        raise SignInFailed(400, NO_KEY)
    return key
