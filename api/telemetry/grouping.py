"""Testers in archetypes: texts to vectors, vectors to clusters, clusters to labels.

Source: contract/analytics.md, "`testers/{game}/archetypes`".
"""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Any, Final

import msgspec

from api.telemetry.ai_answers import Archetype, Archetypes, ArchetypeTester
from projections.telemetry.queries import archetypes
from projections.telemetry.queries.archetype_clusters import Cluster, Described, archetype_id, clusters
from schemas.rounding import half_up_to
from schemas.studio.ai import DIMENSIONS
from schemas.studio.ai_outputs import Labels, Narrative
from schemas.studio.ai_plain_text import clean, fitted, packed
from schemas.studio.ai_requests import (
    INPUT_CHARACTERS_MAX,
    TEXTS_MAX,
    AiAnswer,
    AiRequest,
    summary_subject,
    text_key,
    vector_id,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from api.telemetry.ai_ports import Ai
    from projections.telemetry.queries.client import Queries
    from schemas.edge.ports import Game
    from schemas.studio.ai import AiSettings

TESTERS_MIN: Final = 5
REPRESENTATIVES_MAX: Final = 3
SUMMARY_CHARACTERS_MAX: Final = 280
TEXT_CHARACTERS_MAX: Final = 1_000
_EXAMPLES: Final = (5, 3, 1, 0)
_MINUTE_MS: Final = 60_000
_unpack: Final = struct.Struct(f"<{DIMENSIONS}f").unpack


async def grouped(queries: Queries, ai: Ai, game: Game, environment: str) -> Archetypes:
    """The archetypes of a game's testers in an environment. Raises StoreUnavailable."""
    settings = await ai.usable(game.studio_id, "embedding")
    found = await archetypes.analyzed_testers(queries, game.studio_id, game.id, environment)
    if settings is None:
        return _none(len(found), None, "requires_byo_key")
    model_id = settings.embedding.id
    if len(found) < TESTERS_MIN:
        return _none(len(found), model_id, "insufficient_data")
    testers = await _described(ai, game, environment, found)
    vectors = await _vectors(ai, game, model_id, [one.text for one in testers])
    if vectors is None:
        return _none(len(found), model_id, "api_error")
    groups = await asyncio.to_thread(clusters, testers, vectors, settings.embedding.similarity)
    labels = await _labels(ai, game, environment, groups)
    shown = [one.representatives(REPRESENTATIVES_MAX) for one in groups]
    devices = [tester.device_id for some in shown for tester in some]
    handles = await archetypes.latest_handles(queries, game.studio_id, game.id, devices) if devices else {}
    return Archetypes(
        archetypes=[
            _archetype(one, archetype_id(game.id, environment, one.founder.device_id), label, some, handles)
            for one, label, some in zip(groups, labels, shown, strict=True)
        ],
        tester_count=len(found),
        model_id=model_id,
    )


def _none(testers: int, model_id: str | None, reason: Any) -> Archetypes:
    return Archetypes(archetypes=[], tester_count=testers, model_id=model_id, reason=reason)


async def _described(
    ai: Ai, game: Game, environment: str, found: Sequence[archetypes.AnalyzedTester]
) -> list[Described]:
    """Each with its AI summary, else with its rule text."""
    keys = [text_key("tester-summary", game.id, summary_subject(environment, one.device_id)) for one in found]
    texts = await ai.texts(game.studio_id, keys)
    return [
        Described(
            device_id=one.device_id,
            sessions=one.sessions,
            active_ms=one.active_ms,
            friction=one.friction,
            text=(
                one.rule_text if text is None else msgspec.json.decode(text.output, type=Narrative).narrative
            )[:TEXT_CHARACTERS_MAX],
        )
        for one, text in zip(found, texts, strict=True)
    ]


async def _vectors(
    ai: Ai, game: Game, model_id: str, texts: Sequence[str]
) -> Mapping[str, tuple[float, ...]] | None:
    """Each text's vector; those that are not kept yet are asked for. None where any could not be had."""
    wanted = list(dict.fromkeys(texts))
    ids = [vector_id(model_id, text) for text in wanted]
    held = await ai.vectors(game.studio_id, ids)
    missing = [text for text, vector in zip(wanted, held, strict=True) if vector is None]
    answers = await asyncio.gather(
        *(ai.answer(game.studio_id, one) for one in _requests(game.id, model_id, missing))
    )
    if not all(isinstance(one, AiAnswer) for one in answers):
        return None
    if missing:
        held = await ai.vectors(game.studio_id, ids)
    vectors = {text: _unpack(vector) for text, vector in zip(wanted, held, strict=True) if vector is not None}
    return vectors if len(vectors) == len(wanted) else None


def _requests(game_id: str, model_id: str, texts: Sequence[str]) -> Iterator[AiRequest]:
    """As few as may be, each within the limits of one."""
    some: list[str] = []
    for text in texts:
        if some and (len(some) == TEXTS_MAX or len(packed([*some, text])) > INPUT_CHARACTERS_MAX):
            yield _embedding(game_id, model_id, some)
            some = []
        some.append(text)
    if some:
        yield _embedding(game_id, model_id, some)


def _embedding(game_id: str, model_id: str, texts: list[str]) -> AiRequest:
    return AiRequest(
        kind="embedding", subject="testers", game_id=game_id, model_id=model_id, input=packed(texts)
    )


async def _labels(ai: Ai, game: Game, environment: str, groups: Sequence[Cluster]) -> list[str]:
    """The chat model's, else `Cluster N`."""
    plain = [f"Cluster {number}" for number in range(1, len(groups) + 1)]
    settings = await ai.usable(game.studio_id, "chat") if groups else None
    if settings is None:
        return plain
    answer = await ai.answer(game.studio_id, _labelling(settings, game.id, environment, groups))
    if not isinstance(answer, AiAnswer):
        return plain
    found = {one.id: one.label for one in msgspec.json.decode(answer.output, type=Labels).labels}
    return [found[f"c{number}"] for number in range(1, len(groups) + 1)]


def _labelling(settings: AiSettings, game_id: str, environment: str, groups: Sequence[Cluster]) -> AiRequest:
    def document(examples: int) -> Any:
        return {
            "clusters": [
                {
                    "id": f"c{number}",
                    "testers": len(one.members),
                    "frictionTags": one.common_friction(),
                    "summaries": [clean(member.text) for member in one.representatives(examples)],
                }
                for number, one in enumerate(groups, 1)
            ]
        }

    return AiRequest(
        kind="archetype-labels",
        subject=environment,
        game_id=game_id,
        model_id=settings.chat.id,
        input=fitted(document, _EXAMPLES),
    )


def _archetype(
    cluster: Cluster, name: str, label: str, shown: Sequence[Described], handles: Mapping[str, str]
) -> Archetype:
    members = cluster.members
    return Archetype(
        id=name,
        label=label,
        tester_count=len(members),
        common_friction_tags=cluster.common_friction(),
        avg_session_count=half_up_to(sum(one.sessions for one in members), len(members), 1),
        avg_active_play_minutes=half_up_to(
            sum(one.active_ms for one in members), len(members) * _MINUTE_MS, 1
        ),
        representative_testers=[
            ArchetypeTester(
                handle=handles.get(one.device_id),
                device_id=one.device_id,
                summary=one.text[:SUMMARY_CHARACTERS_MAX],
            )
            for one in shown
        ],
    )
