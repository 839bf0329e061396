"""Loads the demo studios and their keys, and writes `<home>/demo.json` in the contract's shape.

Keys are asked for with fixed idempotency keys, so a second run gives the same values; one that was rotated or
revoked meanwhile is replaced.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from deploy.studio_desk import Refused, studio_desk
from schemas.edge.ports import KeyKind
from schemas.identifiers import ACCOUNT_WIDE_KINDS
from schemas.studio.definitions import load_definitions

if TYPE_CHECKING:
    from deploy.settings import Settings
    from deploy.studio_desk import StudioDesk
    from schemas.edge.ports import Game, Studio

FOLDER: Final = Path(__file__).parent
TESTERS: Final = ("tester_ada", "tester_brendan")
READY_SECONDS: Final = 60.0
_GAME_KINDS: Final = tuple(
    kind for kind in KeyKind if kind not in ACCOUNT_WIDE_KINDS and kind != KeyKind.PLAYTESTER
)


async def load(configured: Settings) -> Path:
    """Apply both definition files, make every kind of key, write demo.json (mode 0600); its path.

    Needs the stack of `configured` ready. Called again: the same keys, and nothing changes. Raises Refused or
    StoreUnavailable.
    """
    async with studio_desk(configured) as desk:
        await desk.wait_until_ready(READY_SECONDS)
        demo, other = await asyncio.gather(
            _studio(desk, FOLDER / "demo.yaml"), _studio(desk, FOLDER / "other.yaml")
        )
        relay = next(game for game in demo["games"] if game["slug"] == "relay")
        demo["keys"]["relay_public_token"] = await _key(
            desk, KeyKind.PUBLIC_TOKEN, studio_id=demo["studio"]["id"], game_id=relay["id"]
        )
    content = {
        "base_url": configured.base_url,
        "clickhouse_url": configured.clickhouse_url,
        "kafka": configured.kafka,
        "redis_url": configured.redis_url,
        **demo,
        "other": other,
    }
    return _write(configured.home / "demo.json", content)


async def _studio(desk: StudioDesk, file: Path) -> dict[str, Any]:
    """One studio as demo.json shows it; all game keys are its first game's."""
    definition = load_definitions(file.read_text(encoding="utf-8"))  # noqa: ASYNC240 - a page of local text
    answer = await desk.define(definition)
    studio = await desk.queries.studio(answer.studio_id) or await desk.queries.studio_by_slug(definition.slug)
    if studio is None:
        raise Refused(f"studio {definition.slug} is not there after it was applied", 500)
    held = {game.slug: game for game in await desk.queries.games(studio.id)}
    games = [held[game.settings.slug] for game in definition.games]
    return {
        "studio": {"id": studio.id, "slug": studio.slug, "plan": studio.plan},
        "games": [{"id": game.id, "slug": game.slug, "name": game.name} for game in games],
        "keys": await _keys(desk, studio, games[0]),
    }


async def _keys(desk: StudioDesk, studio: Studio, game: Game) -> dict[str, Any]:
    of_studio = [_key(desk, kind, studio_id=studio.id) for kind in sorted(ACCOUNT_WIDE_KINDS)]
    of_game = [_key(desk, kind, studio_id=studio.id, game_id=game.id) for kind in _GAME_KINDS]
    of_testers = [_key(desk, KeyKind.PLAYTESTER, studio_id=studio.id, tester_id=tester) for tester in TESTERS]
    values = await asyncio.gather(*of_studio, *of_game, *of_testers)
    names = [str(kind) for kind in (*sorted(ACCOUNT_WIDE_KINDS), *_GAME_KINDS)]
    keys: dict[str, Any] = dict(zip(names, values, strict=False))
    keys[str(KeyKind.PLAYTESTER)] = list(values[len(names) :])
    return keys


async def _key(
    desk: StudioDesk, kind: KeyKind, *, studio_id: str, game_id: str = "", tester_id: str = ""
) -> str:
    """The demo's key of a kind. Where the first one is gone, the key that took its place is rotated."""
    try:
        key = await desk.create_key(
            kind,
            studio_id=studio_id,
            game_id=game_id,
            tester_id=tester_id,
            name="demo",
            idempotency_key="demo",
        )
        if await desk.holds(key.value):
            return key.value
    except Refused as error:
        if error.status != 409:
            raise
    for row in await desk.queries.keys(studio_id):
        if (row.kind, row.game_id, row.tester_id) == (kind, game_id, tester_id):
            again = f"demo-{row.rotated_at_ms or row.created_at_ms}"
            rotated = await desk.rotate_key(row.key_id, studio_id=studio_id, kind=kind, idempotency_key=again)
            return rotated.value
    key = await desk.create_key(kind, studio_id=studio_id, game_id=game_id, tester_id=tester_id, name="demo")
    return key.value


def _write(path: Path, content: dict[str, Any]) -> Path:
    """Whole or not at all, readable by its owner only."""
    beside = path.with_suffix(".json.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    beside.chmod(0o600)
    beside.replace(path)
    return path
