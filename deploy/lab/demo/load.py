"""Loads the demo studios and their keys, and writes `<home>/demo.json` in the contract's shape.

Keys are asked for with fixed idempotency keys, so a second run, or one whose file was lost, gives the same
values; one that was rotated or revoked meanwhile is replaced.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.lab.demo import playtests
from deploy.private_files import write_private
from deploy.stack.redis import owner_url
from deploy.studio_administration import open_administration, wait_until_ready
from schemas.edge.ports import KeyKind, StoreUnavailable
from schemas.identifiers import ACCOUNT_WIDE_KINDS, KEY_PREFIXES, key_hash
from schemas.studio.commands import StartExperiment
from schemas.studio.definitions import load_definitions
from streams.asking import CommandRefused

if TYPE_CHECKING:
    from deploy.settings import Settings
    from deploy.studio_administration import Administration
    from schemas.studio.commands import DefineStudio

FOLDER: Final = Path(__file__).parent
TESTERS: Final = ("5e0b7f4e-0c43-4c0e-9a51-0d9a9d9f2a01", "5e0b7f4e-0c43-4c0e-9a51-0d9a9d9f2a02")
"""The playtesters of each studio's panel."""
READY_SECONDS: Final = 60.0
RELAY_KEYS: Final = {
    "relay_public_token": KeyKind.PUBLIC_TOKEN,
    "relay_lo_live": KeyKind.SDK_LIVE,
    "relay_lo_srv": KeyKind.SDK_SERVER,
}
"""Keys of the game without limits, by their names in demo.json; loads and drills use them."""
_GAME_KINDS: Final = tuple(
    kind for kind in KeyKind if kind not in ACCOUNT_WIDE_KINDS and kind != KeyKind.PLAYTESTER
)


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a key is for."""

    kind: KeyKind
    studio_id: str
    game_id: str = ""
    tester_id: str = ""


async def load(configured: Settings) -> Path:
    """Apply both definition files, make every kind of key, write demo.json (mode 0600); its path.

    The demo studio gets its credit, and its batches keys and invites.
    Needs the stack of `configured` ready. Called again: the same keys, and nothing changes.
    Raises CommandRefused or StoreUnavailable.
    """
    path = configured.home / "demo.json"
    before = _read(path)
    async with open_administration(configured) as studios:
        await wait_until_ready(studios.queries, READY_SECONDS)
        demo, other = await asyncio.gather(
            _studio(studios, FOLDER / "demo.yaml", before), _studio(studios, FOLDER / "other.yaml", before)
        )
        relay = next(game for game in demo["games"] if game["slug"] == "relay")
        for name, kind in RELAY_KEYS.items():
            scope = Scope(kind=kind, studio_id=demo["studio"]["id"], game_id=relay["id"])
            demo["keys"][name] = await _key(studios, scope, before)
    links = await playtests.load(configured, demo["studio"]["id"])
    content = {
        "base_url": configured.base_url,
        "clickhouse_url": configured.clickhouse_url,
        "kafka": configured.kafka,
        "redis_url": owner_url(configured.redis_url, configured.store_password("redis")),
        "operator_token": configured.operator_token,
        "payments_secret": configured.payments_secret,
        **links,
        **demo,
        "other": other,
    }
    write_private(path, json.dumps(content, indent=1))
    return path


async def _studio(studios: Administration, file: Path, before: frozenset[str]) -> dict[str, Any]:
    """One studio as demo.json shows it; all game keys are its first game's."""
    definition = load_definitions(file.read_text(encoding="utf-8"))  # noqa: ASYNC240 - a page of local text
    answer = await studios.define(definition)
    studio = await studios.queries.studio(answer.studio_id) or await studios.queries.studio_by_slug(
        definition.slug
    )
    if studio is None:
        raise StoreUnavailable(f"studio {definition.slug} is not there after it was applied")
    await _start_experiments(studios, studio.id, definition)
    held = {game.slug: game for game in await studios.queries.games(studio.id)}
    games = [held[game.settings.slug] for game in definition.games]
    scopes = [Scope(kind=kind, studio_id=studio.id) for kind in sorted(ACCOUNT_WIDE_KINDS)]
    scopes += [Scope(kind=kind, studio_id=studio.id, game_id=games[0].id) for kind in _GAME_KINDS]
    testers = [Scope(kind=KeyKind.PLAYTESTER, studio_id=studio.id, tester_id=tester) for tester in TESTERS]
    values = await asyncio.gather(*(_key(studios, scope, before) for scope in scopes + testers))
    keys: dict[str, Any] = {str(scope.kind): value for scope, value in zip(scopes, values, strict=False)}
    keys[str(KeyKind.PLAYTESTER)] = values[len(scopes) :]
    return {
        "studio": {"id": studio.id, "slug": studio.slug, "plan": studio.plan},
        "games": [{"id": game.id, "slug": game.slug, "name": game.name} for game in games],
        "keys": keys,
    }


async def _start_experiments(studios: Administration, studio_id: str, definition: DefineStudio) -> None:
    """Let the first experiment of each game run that has not run yet."""
    for game in definition.games:
        for experiment in game.settings.definition.get("experiments", [])[:1]:
            life = await studios.queries.experiment(studio_id, experiment["id"])
            if life is not None and life.status == "draft":
                command = StartExperiment(experiment_id=life.id)
                await studios.experiment(command, studio_id=studio_id)


async def _key(studios: Administration, scope: Scope, before: frozenset[str]) -> str:
    """The demo's key for a scope: the one it has, the one it always gets, or one in its place."""
    for value in before:
        if value.startswith(KEY_PREFIXES[scope.kind]) and await _speaks_for(studios, value, scope):
            return value
    try:
        key = await studios.create_key(**msgspec.structs.asdict(scope), name="demo", idempotency_key="demo")
        if await _speaks_for(studios, key.value, scope):
            return key.value
    except CommandRefused as error:
        if error.status != 409:
            raise
    for row in await studios.queries.keys(scope.studio_id):
        if (row.kind, row.game_id, row.tester_id) == (scope.kind, scope.game_id, scope.tester_id):
            rotated = await studios.rotate_key(row.key_id, studio_id=scope.studio_id, kind=scope.kind)
            return rotated.value
    key = await studios.create_key(**msgspec.structs.asdict(scope), name="demo")
    return key.value


async def _speaks_for(studios: Administration, value: str, scope: Scope) -> bool:
    found = await studios.queries.credential(key_hash(value))
    return found is not None and scope == Scope(
        kind=KeyKind(found.kind), studio_id=found.studio_id, game_id=found.game_id, tester_id=found.tester_id
    )


def _read(path: Path) -> frozenset[str]:
    """Every key value of the file that is there; none where there is none that can be read."""
    try:
        content = json.loads(path.read_bytes())
        found = [*content["keys"].values(), *content["other"]["keys"].values()]
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return frozenset()
    values = [value for item in found for value in (item if isinstance(item, list) else [item])]
    return frozenset(value for value in values if isinstance(value, str))
