"""Decides about studios, games, keys and definitions. Pure and total.

What is globally unique is decided here: studio slugs, game ids, key hashes. A taken one is refused without
telling whose it is, and what belongs to another studio does not exist for the asker.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
from msgspec import structs

import schemas.edge.ports
import schemas.playtests.pricing
import schemas.studio.ai
import schemas.studio.ai_requests
import schemas.studio.discord
import schemas.studio.events
import schemas.studio.experiments
import schemas.studio.games
from schemas.codec import Message
from schemas.envelope import CommandRejected
from schemas.identifiers import GAME_ID_PREFIX, STUDIO_ID_PREFIX, derived_id
from schemas.studio.commands import (
    COMMANDS,
    CreateKey,
    DefinedGame,
    DefineStudio,
    ExperimentCommand,
    RevokeKey,
    RotateKey,
    TakeDiscordMessages,
)
from schemas.studio.definitions_batches import FIXED
from schemas.studio.events import (
    EVENTS,
    ExperimentCreated,
    GameChanged,
    GameDefined,
    StudioChanged,
    StudioDefined,
    StudioEvent,
)
from schemas.studio.games import GameSettings, changed_fields
from streams.deciders import (
    discord_threads,
    studio_ai,
    studio_ai_state,
    studio_discord,
    studio_experiments,
    studio_keys,
    studio_state,
)
from streams.deciders.fold_code import FOLD_CODE
from streams.deciders.noun import Noun, Request, Verdict, time_of_state
from streams.deciders.refusals import refused
from streams.deciders.studio_state import StudioState, evolve, pack, unpack

GAMES_MAX: Final = 500
_encoder: Final = msgspec.msgpack.Encoder(order="deterministic")


def decide(state: StudioState, request: Request) -> Verdict:
    """The events a command gives, none when it changes nothing, or its refusal."""
    command = request.command
    if isinstance(command, ExperimentCommand):
        return studio_experiments.decide(state, request, command)
    if isinstance(command, studio_ai.COMMANDS):
        return studio_ai.decide(state, request, command)
    decider = _DECIDERS.get(type(command))
    if decider is None:
        raise TypeError(f"{type(command).__name__} is no command of this noun")
    return decider(state, request, command)


_CHANGEABLE: Final = {"name": "name", "plan": "plan", "playtest_pricing": "playtestPricing", "ai": "ai"}
"""A studio's fields that a definition changes, and what a definition file calls them."""


def definition_hash(settings: GameSettings) -> str:
    """16 hexadecimal digits that name what a definition says."""
    return hashlib.sha256(_encoder.encode(settings)).hexdigest()[:16]


def _define(state: StudioState, request: Request, command: DefineStudio) -> Verdict:
    events: list[Message] = []
    studio_id = state.studio_ids.get(command.slug)
    if studio_id is None:
        studio_id = derived_id(STUDIO_ID_PREFIX, request.seed, command.slug)
        if studio_id in state.studios:
            return refused(409, "id_taken", "the id is taken; send the command again")
        slugs: dict[str, str] = {}
        events.append(
            StudioDefined(
                studio_id=studio_id,
                slug=command.slug,
                name=command.name,
                plan=command.plan,
                created_at_ms=request.at_ms,
                playtest_pricing=command.playtest_pricing,
                ai=command.ai,
            )
        )
    else:
        studio = state.studios[studio_id]
        slugs = dict(studio.games)
        changed = [
            shown for name, shown in _CHANGEABLE.items() if getattr(studio, name) != getattr(command, name)
        ]
        if changed:
            events.append(
                StudioChanged(
                    studio_id=studio_id,
                    slug=studio.slug,
                    name=command.name,
                    plan=command.plan,
                    created_at_ms=studio.created_at_ms,
                    changed=changed,
                    playtest_pricing=command.playtest_pricing,
                    ai=command.ai,
                )
            )
    slug_of = {game_id: slug for slug, game_id in slugs.items()}
    given = {game.id for game in command.games}
    named: set[str] = set()
    for index, game in enumerate(command.games):
        found = slugs.get(game.settings.slug)
        if found is None or found in given:  # the game of that slug is named by its id, and gives the slug up
            found = derived_id(GAME_ID_PREFIX, request.seed, command.slug, game.settings.slug)
        game_id = game.id or found
        known = state.games.get(game_id)
        if game_id in named or (known is not None and known.studio_id != studio_id):
            return refused(409, "id_taken", "the game's id is taken", f"games[{index}].id")
        if known is not None and (batch_id := _changed_batch(known.settings, game.settings)):
            path = f"games[{index}].batches[{batch_id}]"
            return refused(409, "fixed", "a batch's source, redemption and identity mode are fixed", path)
        named.add(game_id)
        slug_of[game_id] = game.settings.slug
        events += _game_events(state, request, studio_id, game_id, game)
        owned = studio_experiments.StudioGame(studio_id, game_id)
        experiments = studio_experiments.defined(state, request, owned, game.settings)
        if isinstance(experiments, CommandRejected):
            return structs.replace(experiments, field=f"games[{index}].{experiments.field}")
        events += experiments
    return _checked_games(slug_of, command) or _checked_experiments(state, studio_id, events) or tuple(events)


def _checked_experiments(state: StudioState, studio_id: str, events: list[Message]) -> CommandRejected | None:
    """No two games of a file may have the same experiment, and a studio has a limit of them."""
    created = [event.experiment.id for event in events if isinstance(event, ExperimentCreated)]
    twice = next((one for one in created if created.count(one) > 1), None)
    if twice is not None:
        return refused(409, "id_taken", f"{twice} is an experiment of two games", "games")
    return studio_experiments.too_many(state, studio_id, len(created))


def _changed_batch(before: GameSettings, after: GameSettings) -> str | None:
    """A batch of which something differs that never changes."""
    known = {batch["id"]: batch for batch in before.definition.get("batches", [])}
    for batch in after.definition.get("batches", []):
        old = known.get(batch["id"])
        if old is not None and any(old[field] != batch[field] for field in FIXED):
            return str(batch["id"])
    return None


def _checked_games(slug_of: dict[str, str], command: DefineStudio) -> CommandRejected | None:
    """All slugs of the studio as they would be: two games may swap theirs, but no two may share one."""
    if len(slug_of) > GAMES_MAX:
        return refused(409, "too_many_games", f"a studio has at most {GAMES_MAX} games", "games")
    slugs = list(slug_of.values())
    for index, game in enumerate(command.games):
        if slugs.count(game.settings.slug) > 1:
            return refused(
                409, "slug_taken", "another game of the studio has this slug", f"games[{index}].slug"
            )
    return None


def _game_events(
    state: StudioState, request: Request, studio_id: str, game_id: str, game: DefinedGame
) -> Iterator[Message]:
    known = state.games.get(game_id)
    if known is None:
        yield GameDefined(
            studio_id=studio_id,
            game_id=game_id,
            settings=game.settings,
            definition_version=1,
            definition_hash=definition_hash(game.settings),
            created_at_ms=request.at_ms,
        )
    elif known.settings != game.settings:
        yield GameChanged(
            studio_id=studio_id,
            game_id=game_id,
            settings=game.settings,
            definition_version=known.definition_version + 1,
            definition_hash=definition_hash(game.settings),
            created_at_ms=known.created_at_ms,
            changed=changed_fields(known.settings, game.settings),
            previous_slug=known.settings.slug,
        )


_DECIDERS: Final[dict[type[Message], Callable[[StudioState, Request, Any], Verdict]]] = {
    DefineStudio: _define,
    CreateKey: studio_keys.create,
    RotateKey: studio_keys.rotate,
    RevokeKey: studio_keys.revoke,
    TakeDiscordMessages: studio_discord.decide,
}


def _aggregate_of(event: Message) -> str:
    return event.studio_id if isinstance(event, StudioEvent) else ""


def _sequence(state: StudioState, studio_id: str) -> int:
    studio = state.studios.get(studio_id)
    return studio.sequence if studio is not None else 0


STUDIO: Final = Noun(
    name="studio",
    commands=COMMANDS,
    events=EVENTS,
    initial=StudioState(),
    decide=decide,
    evolve=evolve,
    aggregate_of=_aggregate_of,
    sequence=_sequence,
    time_of=time_of_state,
    pack=pack,
    unpack=unpack,
    code=(
        *FOLD_CODE,
        studio_state,
        studio_ai_state,
        discord_threads,
        schemas.edge.ports,
        schemas.playtests.pricing,
        schemas.studio.ai,
        schemas.studio.ai_requests,
        schemas.studio.discord,
        schemas.studio.events,
        schemas.studio.experiments,
        schemas.studio.games,
    ),
)
