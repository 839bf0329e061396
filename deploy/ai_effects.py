"""How what a studio asks of AI providers is opened on a deployment's stores: by the effects worker alone."""

from __future__ import annotations

import ipaddress
import uuid
from typing import TYPE_CHECKING

from deploy.clickhouse_clients import clickhouse_queries_of
from deploy.clock import now_ms
from deploy.experiment_digests import DigestSource, digest_of
from deploy.sealing import open_sealer
from projections.studio.queries import StudioQueries
from projections.telemetry.queries import summary_inputs
from streams.ai.asking import AiAsking
from streams.ai.providers import Providers
from streams.ai.runner import AiRunner
from streams.ai.summaries import Place, Summaries, ToSummarise
from streams.ai.texts import AiTexts

if TYPE_CHECKING:
    from deploy.noun import Acting
    from schemas.studio.experiments import Digest
    from streams.effect_reader import Reading


def ai_requests(acting: Acting, reading: Reading) -> AiRunner:
    """What asks providers."""
    configured = acting.settings
    return AiRunner(
        acting.asker,
        reading,
        reads=StudioQueries(acting.redis),
        sealer=open_sealer(configured),
        providers=Providers([ipaddress.ip_network(one) for one in configured.webhook_networks]),
        name=f"effects-{uuid.uuid4().hex}",
    )


def ai_texts(acting: Acting, reading: Reading) -> AiTexts:
    """What asks for texts by itself: summaries and digests."""
    configured = acting.settings
    studios = StudioQueries(acting.redis)
    ai = AiAsking(studios, acting.asker, clock_ms=now_ms)
    queries = clickhouse_queries_of(configured)
    acting.stack.push_async_callback(queries.close)
    source = DigestSource(studios, ai)

    async def places(studio_id: str) -> list[Place]:
        found = await summary_inputs.analyzed(queries, studio_id)
        return [Place(one.game_id, one.environment, one.mark) for one in found]

    async def inputs(studio_id: str, game_id: str, environment: str) -> list[ToSummarise]:
        found = await summary_inputs.summary_inputs(queries, studio_id, game_id, environment)
        return [
            ToSummarise(kind=one.kind, of=one.of, input=one.input, sessions=one.sessions) for one in found
        ]

    async def make_digest(studio_id: str, experiment_id: str) -> Digest | None:
        if await ai.usable(studio_id, "chat") is None:
            return None
        return await digest_of(queries, source, studio_id, experiment_id)

    return AiTexts(
        acting.asker,
        reading,
        summaries=Summaries(studios, places, inputs, acting.asker),
        make_digest=make_digest,
        clock_ms=now_ms,
    )
