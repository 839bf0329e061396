"""`GET /api/telemetry/experiments`: which variant a device gets of each running experiment of a game.

Source: the S1 reference, and the analytics contract, "Experiments". It is asked before the api's framework:
an answer has a budget of 200 microseconds. Nothing is stored: the answer is a pure function of what is
defined, what runs, device and build.
"""

from __future__ import annotations

import itertools
import logging
import os
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec
from prometheus_client import REGISTRY, CollectorRegistry

from api.http import Answer, query_pairs, refused_by, send_answer
from api.metrics import ReadMetrics
from api.telemetry.assignment_routes import PATH, ROUTES
from schemas.edge.authentication import Ambiguous, bearer
from schemas.edge.cors import Cors
from schemas.edge.credentials import Credentials, count_unknown_key
from schemas.edge.errors import Refused, error_body
from schemas.edge.limits import (
    MINUTE_MS,
    S1_DEFAULT_PER_MINUTE,
    assignment_bucket,
)
from schemas.edge.ports import Credential, Directory, ExperimentLives, Game, RateLimiter
from schemas.edge.proxy import TrustedProxies
from schemas.edge.zod import Issue, custom
from schemas.edge.zod_query import Invalid, read
from schemas.identifiers import id_problem
from schemas.studio.assignment import Assignment, running_assignments, variants_of
from schemas.studio.experiments import ExperimentLife
from schemas.telemetry.access import ingest_credential, rate_limited, studio_game
from schemas.telemetry.errors import S1, S1Text

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

_READING: Final = frozenset({"GET", "HEAD"})
_ALLOW: Final = b"GET, HEAD, OPTIONS"
_KEPT: Final = ((b"cache-control", b"private, max-age=60"),)
_GIVEN_ID: Final = re.compile(rb"[A-Za-z0-9_.\-]{1,64}")
GAMES_MAX: Final = 1000
"""Games whose assignments are held ready; more are made ready again when they are asked."""
_process: Final = os.urandom(5).hex().encode()
_count: Final = itertools.count(1)
_encode: Final = msgspec.json.Encoder().encode
_log: Final = logging.getLogger("questlog.api.telemetry")


class _Ready(msgspec.Struct, frozen=True):
    """A game's running experiments, and what they were made of."""

    definition_version: int
    lives: list[ExperimentLife]
    running: tuple[Assignment, ...]


class AssignmentReads:
    """The ASGI application of this one path."""

    def __init__(
        self,
        *,
        directory: Directory,
        experiments: ExperimentLives,
        limiter: RateLimiter,
        trusted_proxies: tuple[str, ...] = (),
        cors: tuple[str, ...] = ("*",),
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        self._directory = directory
        self._credentials = Credentials(directory)
        self._experiments = experiments
        self._limiter = limiter
        self._proxies = TrustedProxies(trusted_proxies)
        self._cors = Cors(cors)
        self._metrics = ReadMetrics(registry, "telemetry", ROUTES)
        self._ready: dict[str, _Ready] = {}

    def handles(self, scope: Scope) -> bool:
        """Whether a request is for this path, with whatever method."""
        return bool(scope["path"] == PATH)

    async def close(self) -> None:
        """Nothing is open."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request. A body is not read."""
        del receive
        began = time.perf_counter()
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id")
        name = given if given and _GIVEN_ID.fullmatch(given) else b"%s-%x" % (_process, next(_count))
        try:
            answer = await self._answer(scope, headers)
        except Exception as error:  # noqa: BLE001 - the last resort: logged, and answered without a trace
            answer = _failure(error, name.decode())
        around = [(b"x-request-id", name)]
        if answer.status != 204:
            around += self._cors.expose(headers.get(b"origin"))
        await send_answer(send, answer, tuple(around))
        self._metrics.observe(ROUTES[0], answer.status, time.perf_counter() - began)

    async def _answer(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Answer:
        if scope["method"] not in _READING:
            if scope["method"] == "OPTIONS":
                return Answer(204, b"", self._cors.preflight(headers.get(b"origin")))
            raise Refused(405, f"{scope['method']} is not allowed here", headers=((b"allow", _ALLOW),))
        client = scope.get("client")
        ip = self._proxies.source_ip(client[0] if client else "", scope["headers"])
        credential = await ingest_credential(
            self._credentials.credential, _key(scope), lambda: count_unknown_key(self._limiter, ip)
        )
        asked = _query(scope)
        named = asked.get("gameId", "")
        game = await self._game(credential, named) if named else None
        await self._limit(credential, game, ip)
        device_id, build = _device(asked)
        return Answer(200, await self._variants(game, device_id, build), _KEPT)

    async def _game(self, credential: Credential, id_or_slug: str) -> Game | None:
        return await studio_game(self._credentials.game, self._directory, credential.studio_id, id_or_slug)

    async def _limit(self, credential: Credential, game: Game | None, ip: str) -> None:
        """Take one call of this address: whatever it asks, a bad question counts like a good one."""
        limit = game.limits.telemetry_per_minute if game is not None else S1_DEFAULT_PER_MINUTE
        if limit is None:
            return
        bucket = assignment_bucket(credential.studio_id, game, ip)
        verdict = await self._limiter.take(bucket, limit=limit, period_ms=MINUTE_MS, count_refused=True)
        if not verdict.allowed:
            raise rate_limited(verdict.retry_after_ms)

    async def _variants(self, game: Game | None, device_id: str, build: str) -> bytes:
        """An unknown game answers as one in which nothing runs."""
        if game is None:
            return b'{"experiments":{}}'
        lives = await self._experiments.experiments(game.id)
        found = variants_of(self._running(game, lives), device_id, build)
        return _encode({"experiments": found})

    def _running(self, game: Game, lives: list[ExperimentLife]) -> tuple[Assignment, ...]:
        ready = self._ready.get(game.id)
        if (
            ready is None
            or ready.definition_version != game.definition_version
            or (ready.lives is not lives and ready.lives != lives)
        ):
            if len(self._ready) >= GAMES_MAX:
                self._ready.clear()
            running = running_assignments(game.id, game.definition, lives)
            ready = self._ready[game.id] = _Ready(game.definition_version, lives, running)
        return ready.running


def _key(scope: Scope) -> str:
    try:
        return bearer(scope["headers"])
    except Ambiguous:
        return ""


def _query(scope: Scope) -> dict[str, str]:
    """The query's parameters; of one that comes twice the last."""
    text: bytes = scope.get("query_string") or b""
    try:
        pairs = query_pairs(text)
    except ValueError as error:
        raise _invalid([custom([], f"the query cannot be read: {error}")]) from None
    return dict(pairs)


def _device(asked: Mapping[str, str]) -> tuple[str, str]:
    """Device and build, empty for none. Raises `Refused` (400)."""
    try:
        values: dict[str, Any] = read(ROUTES[0].parameters, asked)
    except Invalid as invalid:
        raise _invalid(invalid.issues) from None
    problem = id_problem(values["deviceId"])
    if problem is not None:
        raise _invalid([custom(["deviceId"], f"deviceId {problem}")])
    return values["deviceId"], values["buildVersion"] or ""


def _invalid(issues: list[Issue]) -> Refused:
    return Refused(400, S1Text.QUERY, code=S1Text.QUERY, issues=msgspec.to_builtins(issues))


def _failure(error: Exception, name: str) -> Answer:
    refused = refused_by(error, PATH, name, _log)
    body = error_body(S1, refused.status, refused.message, code=refused.code, **refused.details)
    return Answer(refused.status, _encode(body), refused.headers)
