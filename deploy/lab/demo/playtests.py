"""The demo's credit and key batches: what the demo studio is given beside its definition."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

from deploy.clickhouse_clients import clickhouse_queries_of
from deploy.no_ledgers import NoLedgers
from deploy.playtest_administration import open_administration, open_operation, wait_for_batches
from deploy.redis_server import open_redis
from deploy.sealing import open_sealer
from projections.playtests.queries import PlaytestQueries
from projections.playtests.tables import ClickHouseLedgers
from schemas.playtests.ports import Place
from schemas.playtests.tokens import invite_token
from streams.playtests.administration import Recipient

if TYPE_CHECKING:
    from deploy.settings import Settings
    from streams.playtests.administration import Batch

CREDIT_CENTS: Final = 10_000_000
CREDIT_REASON: Final = "the demo's credit"
PRESS: Final = "ptb_press"
OPEN: Final = "ptb_open"
CODES: Final = 20
PAGE_ROWS: Final = 500
DEFINED_SECONDS: Final = 60.0
"""How long an effect may take to carry the game's batches to their decider."""
RECIPIENTS: Final = (
    Recipient("ada@example.com", "Thank you for trying it."),
    Recipient("grace@example.com"),
    Recipient("hedy@example.com"),
)


async def load(configured: Settings, studio_id: str) -> dict[str, Any]:
    """Give the credit, the keys and the invites, each once however often it is called.

    Returns what demo.json shows: `share_url`, `invite_urls`. Raises CommandRefused or StoreUnavailable.
    """
    await _credit(configured, studio_id)
    await wait_for_batches(configured, studio_id, DEFINED_SECONDS)
    async with open_administration(configured) as administration:
        press, public = [await administration.batch("doom", name, studio_id) for name in (PRESS, OPEN)]
        codes = [f"DEMO-PRESS-{number:04}" for number in range(1, CODES + 1)]
        await administration.import_codes(press, codes)
        if not public.row.counts.keys:
            await administration.mint(public, CODES)
        await administration.invite(press, RECIPIENTS)
        share_url = await administration.share(public)
    return {"share_url": share_url, "invite_urls": await _invite_urls(configured, press)}


async def _credit(configured: Settings, studio_id: str) -> None:
    """Give the credit, unless the studio's ledger has it."""
    async with AsyncExitStack() as stack:
        redis = open_redis(configured)
        stack.push_async_callback(redis.aclose)
        queries = clickhouse_queries_of(configured)
        stack.push_async_callback(queries.close)
        reads = PlaytestQueries(redis, ClickHouseLedgers(queries))
        before: Place | None = None
        while rows := await reads.ledger(studio_id, limit=PAGE_ROWS, before=before):
            if any((row.type, row.reason) == ("adjustment", CREDIT_REASON) for row in rows):
                return
            before = Place(rows[-1].at_ms, rows[-1].id)
    async with open_operation(configured) as operation:
        await operation.credit(await operation.studio(studio_id), CREDIT_CENTS, CREDIT_REASON)


async def _invite_urls(configured: Settings, batch: Batch) -> list[str]:
    """The links of all invites of a batch, the first first: they follow from the invites' ids."""
    sealer = open_sealer(configured)
    redis = open_redis(configured)
    try:
        reads = PlaytestQueries(redis, NoLedgers())
        invites = await reads.batch_invites(batch.game.studio_id, batch.game.id, batch.id)
    finally:
        await redis.aclose()
    return [f"{configured.base_url}/redeem/{invite_token(sealer, one.id)}" for one in invites]
