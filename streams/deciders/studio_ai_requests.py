"""Decides what may be asked of an AI: within the month's budget, with a key, and each thing once. Pure.

Source: the analytics contract, "AI". What a request can take at most is kept of the budget from its start on,
and what it took is counted at its end: the month's sum is never over, whatever is asked at once.
"""

from __future__ import annotations

from typing import Final

from schemas.envelope import CommandRejected
from schemas.studio.ai import AiSettings
from schemas.studio.ai_requests import (
    FAILED_HOLDS_MS,
    INPUT_CHARACTERS_MAX,
    SUBJECT_CHARACTERS_MAX,
    AiRequest,
    month_of,
)
from schemas.studio.commands import FinishAi, RequestAi, StartAi
from schemas.studio.events import AiCallStarted, AiFinished, AiRequested
from streams.deciders.noun import Request, Verdict
from streams.deciders.refusals import refused
from streams.deciders.studio_ai_state import DROPPED_AT_ONCE, RESULTS_MAX, TEXTS_MAX, Done, Pending, StudioAi

PENDING_MAX: Final = 200
"""Requests of a studio that are not done."""


def decide(
    settings: AiSettings, asking: StudioAi, asked: Request, command: RequestAi | StartAi | FinishAi
) -> Verdict:
    """The event of a command about a request, none where nothing changes, or its refusal."""
    match command:
        case RequestAi():
            return _request(settings, asking, asked, command.request)
        case StartAi():
            return _start(asking, asked, command)
        case FinishAi():
            return _finish(asking, asked, command)


def _request(settings: AiSettings, asking: StudioAi, asked: Request, wanted: AiRequest) -> Verdict:
    """A new request; nothing where it is answered, or being asked; a refusal where it may not be."""
    problem = _shape_problem(wanted) or _model_problem(settings, asking, wanted)
    if problem is not None:
        return problem
    known = asking.done.get(wanted.hash)
    if wanted.hash in asking.pending or (known is not None and _holds(known, asked.at_ms)):
        return ()
    if len(asking.pending) >= PENDING_MAX:
        return refused(429, "too_many_requests", f"{PENDING_MAX} requests of the studio are not done")
    most = wanted.tokens_max  # 0 where nothing is paid: what is free is never refused
    if most and asking.taken(month_of(asked.at_ms)) + most > settings.monthly_tokens:
        return refused(409, "ai_budget", "the month's tokens do not suffice: raise studio.ai.monthlyTokens")
    requested = AiRequested(
        studio_id=asked.studio_id,
        request=wanted,
        hash=wanted.hash,
        attempt=1 if known is None else known.attempt + 1,
        requested_at_ms=asked.at_ms,
    )
    return (requested,)


def _start(asking: StudioAi, asked: Request, command: StartAi) -> Verdict:
    """One worker calls the provider. Asked again by the same one: nothing changes."""
    pending = _pending(asking, command.hash, command.attempt)
    if isinstance(pending, CommandRejected):
        return pending
    if pending.runner:
        if pending.runner == command.runner:
            return ()
        return refused(409, "started", "another worker calls the provider")
    started = AiCallStarted(
        studio_id=asked.studio_id,
        hash=command.hash,
        attempt=command.attempt,
        runner=command.runner,
        started_at_ms=asked.at_ms,
    )
    return (started,)


def _finish(asking: StudioAi, asked: Request, command: FinishAi) -> Verdict:
    """The result of a request that is not done. What it took counts in the month in which it was asked."""
    pending = _pending(asking, command.hash, command.attempt)
    if isinstance(pending, CommandRejected):
        return pending
    if command.result.tokens < 0:
        return refused(400, "invalid_result", "tokens are never negative", "result.tokens")
    spent = asking.month_tokens if asking.month == pending.month else 0
    dropped = _dropped_results(asking)
    texts = _dropped_texts(asking)
    finished = AiFinished(
        studio_id=asked.studio_id,
        request=pending.request,
        hash=command.hash,
        attempt=command.attempt,
        result=command.result,
        month=pending.month,
        month_tokens=spent + command.result.tokens,
        finished_at_ms=asked.at_ms,
        dropped=dropped,
        dropped_vectors=[vector for one in dropped for vector in asking.done[one].vectors],
        dropped_texts=texts,
    )
    return (finished,)


def _pending(asking: StudioAi, wanted: str, attempt: int) -> Pending | CommandRejected:
    pending = asking.pending.get(wanted)
    if pending is None or pending.attempt != attempt:
        return refused(409, "not_pending", "the request is done, or was never made")
    return pending


def _holds(known: Done, now_ms: int) -> bool:
    return known.status == "ok" or now_ms < known.finished_at_ms + FAILED_HOLDS_MS


def _shape_problem(wanted: AiRequest) -> CommandRejected | None:
    if len(wanted.input) > INPUT_CHARACTERS_MAX:
        return refused(400, "too_large", f"an input has at most {INPUT_CHARACTERS_MAX} characters", "input")
    if len(wanted.subject) > SUBJECT_CHARACTERS_MAX:
        return refused(400, "too_large", f"at most {SUBJECT_CHARACTERS_MAX} characters", "subject")
    return None


def _model_problem(settings: AiSettings, asking: StudioAi, wanted: AiRequest) -> CommandRejected | None:
    model = settings.model(wanted.purpose)
    if model.id != wanted.model_id:
        return refused(409, "other_model", f"the studio asks {model.id} now", "model_id")
    key = asking.keys.get(wanted.purpose)
    if model.provider != "local" and (key is None or not key.usable):
        return refused(409, "no_key", f"no key for {wanted.purpose}, or its provider refused it")
    return None


def _dropped_results(asking: StudioAi) -> list[str]:
    """The oldest that no subject's last summary is, where there are too many."""
    if len(asking.done) - len(asking.texts) < RESULTS_MAX:
        return []
    kept = set(asking.texts.values())
    others = [(done.finished_at_ms, one) for one, done in asking.done.items() if one not in kept]
    return [one for _, one in sorted(others)[:DROPPED_AT_ONCE]]


def _dropped_texts(asking: StudioAi) -> list[str]:
    """Subjects whose last summary is the oldest, where there are too many."""
    if len(asking.texts) < TEXTS_MAX:
        return []
    ages = [(asking.done[one].finished_at_ms, key) for key, one in asking.texts.items()]
    return [key for _, key in sorted(ages)[:DROPPED_AT_ONCE]]
