"""Keys of one public batch, redeemed by many people at once: what `questlog bench playtests` asks of links.

A link takes 20 calls a minute from an address, so each person has an address of their own: the stack has
to trust this machine's `X-Forwarded-For` (`QUESTLOG_TRUSTED_PROXIES=127.0.0.0/8`).
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

import msgspec

from deploy.lab.bench.calls import Target
from deploy.playtest_administration import open_administration, wait_for_batches
from deploy.studio_administration import open_administration as open_studios
from schemas.studio.definitions import load_definitions

if TYPE_CHECKING:
    from deploy.settings import Settings
    from streams.playtests.administration import Batch

_BATCH: Final = "ptb_bench"
_GAME: Final = "maze"
_DEFINITION: Final = """
studio: {{name: Bench, slug: {slug}, plan: studio}}
games:
  - slug: maze
    name: Maze
    batches:
      - id: ptb_bench
        name: Bench
        distributionTarget: other
        fulfillmentSource: generated
        redemptionMode: public
        identityMode: handle
"""


class Redeemed(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch says after its keys were redeemed."""

    keys: int
    redeemed: int
    """As many as redemptions succeeded, unless two people got one key."""


async def make_batch(configured: Settings, slug: str, keys: int) -> str:
    """A studio with one public batch of so many keys; the path of its link."""
    async with open_studios(configured) as studios:
        await studios.define(load_definitions(_DEFINITION.format(slug=slug)))
        studio = await studios.queries.studio_by_slug(slug)
    if studio is None:
        raise RuntimeError(f"studio {slug} is not there after it was applied")
    await wait_for_batches(configured, studio.id)
    async with open_administration(configured) as administration:
        batch = await administration.batch(_GAME, _BATCH, slug)
        await administration.mint(batch, keys)
        link = await administration.share(batch)
    return "/redeem/" + link.rpartition("/")[2]


def redemptions(path: str, people: int) -> list[Target]:
    """A redemption by each of so many people, who may ask for it again."""
    return [
        Target(
            path,
            f"idempotency-key: {secrets.token_hex(8)}\r\nx-forwarded-for: {_address(number)}\r\n",
            f'{{"handle":"tester-{number}"}}',
        )
        for number in range(people)
    ]


async def redeemed(configured: Settings, slug: str) -> Redeemed:
    """How many of the batch's keys are redeemed now."""
    async with open_administration(configured) as administration:
        batch: Batch = await administration.batch(_GAME, _BATCH, slug)
    return Redeemed(keys=batch.row.counts.keys, redeemed=batch.row.counts.redeemed)


def _address(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
