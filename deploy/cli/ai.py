"""`questlog ai`: a studio's own keys of AI providers. Values come on standard input and are never shown."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from deploy.cli.errors import RequestRefused
from deploy.cli.piped import say
from deploy.cli.running_stack import of_home
from deploy.cli.studios import studio_of
from deploy.clock import now_ms
from deploy.sealing import open_sealer
from deploy.studio_administration import open_administration
from schemas.studio.ai import PURPOSES, AiPurpose, ai_of, key_problem, sealed_key
from schemas.studio.ai_requests import AiAnswer, AiReason, AiRequest
from schemas.studio.commands import ClearAiKey, SetAiKey
from schemas.timestamps import iso_ms
from streams.ai.asking import AiAsking

if TYPE_CHECKING:
    from schemas.codec import Message
    from schemas.edge.ports import Studio

app = typer.Typer(no_args_is_help=True)
key_app = typer.Typer(no_args_is_help=True)
app.add_typer(key_app, name="key", help="Set, clear and list keys of AI providers.")
Home = Annotated[str | None, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")]
StudioSlug = Annotated[str, typer.Option("--studio", help="The studio's slug.")]
COLUMNS: Final = ("for", "model", "set", "refused_with")
TEST_S: Final = 110.0
"""Longer than a worker waits for any provider."""
_REASONS: Final[dict[AiReason, str]] = {
    "ai_budget": "the month's tokens are used up (studio.ai.monthlyTokens)",
    "ai_slow": "no worker answered in time: does `questlog worker effects` run?",
    "ai_error": "the request was refused",
    "ai_declined": "the model declined",
}
Purpose = Annotated[str, typer.Option("--for", help=f"What the key is for: {' or '.join(PURPOSES)}.")]


@app.callback()
def _ai() -> None:
    """Keys of AI providers that a studio pays for. Which models are asked is said by its file: studio.ai."""


@key_app.command("set")
def set_command(studio: StudioSlug, purpose: Purpose, home: Home = None) -> None:
    """Read a key from standard input, and ask the provider with it from now on. It is stored sealed."""
    use = purpose_of(purpose)
    value = sys.stdin.read().strip()
    problem = key_problem(value)
    if problem is not None:
        raise RequestRefused(problem)
    settings = of_home(home)
    sealer = open_sealer(settings)

    def command(owner: Studio) -> Message:
        return SetAiKey(purpose=use, sealed=sealed_key(sealer, owner.id, use, value, secrets.token_bytes))

    async def ask() -> Studio:
        async with open_administration(settings) as administration:
            owner = await studio_of(administration.queries, studio)
            await administration.ask_about_ai(command(owner), studio_id=owner.id)
            return owner

    owner = asyncio.run(ask())
    print(f"the key for {use} is set: {ai_of(owner.ai).model(use).id} is asked with it")


@key_app.command("clear")
def clear_command(studio: StudioSlug, purpose: Purpose, home: Home = None) -> None:
    """Forget a key. Without one nothing is asked; texts by rules stand in."""
    use = purpose_of(purpose)

    async def ask() -> list[str]:
        async with open_administration(of_home(home)) as administration:
            owner = await studio_of(administration.queries, studio)
            answer = await administration.ask_about_ai(ClearAiKey(purpose=use), studio_id=owner.id)
            return answer.changes

    print(f"the key for {use} is cleared" if asyncio.run(ask()) else f"there is no key for {use}")


@key_app.command("test")
def try_command(studio: StudioSlug, purpose: Purpose, home: Home = None) -> None:
    """Let the effects worker ask the provider something small with the key, and say what came of it."""
    use = purpose_of(purpose)

    async def ask() -> tuple[str, AiAnswer | AiReason]:
        async with open_administration(of_home(home)) as administration:
            owner = await studio_of(administration.queries, studio)
            asking = AiAsking(administration.queries, administration.asker(), clock_ms=now_ms)
            settings = await asking.usable(owner.id, use)
            if settings is None:
                raise RequestRefused(f"there is no key for {use}, or its provider refused it: set one")
            request = small_request(use, settings.model(use).id, secrets.token_hex(8))
            answer = await asking.answer(owner.id, request, wait_s=TEST_S)
            if not isinstance(answer, AiAnswer):
                kept = await administration.queries.ai_answer(owner.id, request.hash)
                why = _REASONS[answer] if kept is None else kept.why
                raise RequestRefused(f"{request.model_id} gave no answer: {why}")
            return request.model_id, answer

    model_id, _ = asyncio.run(ask())
    print(f"{model_id} answers with the key for {use}")


def small_request(purpose: AiPurpose, model_id: str, once: str) -> AiRequest:
    """A small request that was never made: `once` is random."""
    chat = purpose == "chat"
    return AiRequest(
        kind="chat-test" if chat else "embedding-test",
        subject=once,
        game_id="",
        model_id=model_id,
        input='{"question":"Are you ready?"}' if chat else '["ready"]',
    )


@key_app.command("list")
def list_command(
    studio: StudioSlug,
    home: Home = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Say which keys are set, for which models, and whether a provider refused them. No values.

    Tab-separated where it is piped.
    """

    async def rows() -> list[dict[str, object]]:
        async with open_administration(of_home(home)) as administration:
            owner = await studio_of(administration.queries, studio)
            keys = await administration.queries.ai_keys(owner.id)
            return [
                {
                    "for": purpose,
                    "model": ai_of(owner.ai).model(purpose).id,
                    "setAt": keys[purpose].set_at_ms,
                    "refusedWith": keys[purpose].paused_status or None,
                }
                for purpose in PURPOSES
                if purpose in keys
            ]

    found = asyncio.run(rows())
    if as_json:
        print(json.dumps(found))
        return
    say(COLUMNS, map(key_cells, found), map(key_line, found))


def key_cells(row: dict[str, object]) -> list[str]:
    """A key as a row of `COLUMNS`."""
    return [str(row["for"]), str(row["model"]), iso_ms(int(str(row["setAt"]))), str(row["refusedWith"] or "")]


def key_line(row: dict[str, object]) -> str:
    """A key as a terminal shows it."""
    purpose, model, since, status = key_cells(row)
    refused = f"\n    refused with {status}: set another" if status else ""
    return f"{purpose}  {model}\n    set {since}{refused}"


def purpose_of(text: str) -> AiPurpose:
    """RequestRefused for what no key is for."""
    for purpose in PURPOSES:
        if text == purpose:
            return purpose
    raise RequestRefused(f"--for is {' or '.join(PURPOSES)}, not {text}")
