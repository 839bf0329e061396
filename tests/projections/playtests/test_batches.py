"""What key batches leave in Redis: every read after every kind of event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from schemas.playtests.batch_commands import (
    BatchDue,
    CloseBatch,
    DefineBatch,
    ForgetRecipient,
    LinkTester,
    OpenInvite,
    RevokeKeys,
    RotateShareToken,
    SendInvites,
    UnlinkTester,
)
from schemas.playtests.ports import RedeemLink
from tests.streams.deciders.playtests.given import AT_MS, GAME, STUDIO
from tests.streams.deciders.playtests.test_batches import (
    BATCH,
    OTHER_SHARE,
    SHARE,
    definition,
    imported,
    invite,
    redeem,
    token_of,
)

if TYPE_CHECKING:
    from tests.projections.playtests.support import Projected

pytestmark = pytest.mark.stack


async def agrees(projected: Projected) -> None:
    """Every read says what the decider's state says."""
    await projected.apply()
    queries, studio = projected.queries, projected.studio
    rows = await queries.batches(STUDIO, GAME)
    known = {name.rpartition("/")[2]: batch for name, batch in studio.batches.items()}
    assert {row.batch.definition.id: (row.batch, row.counts) for row in rows} == {
        name: (batch.batch, batch.counts) for name, batch in known.items()
    }
    for name, batch in known.items():
        row = await queries.batch(STUDIO, GAME, name)
        assert row is not None
        assert row.batch == batch.batch
        states = [batch.keys[number].state for number in sorted(batch.keys)]
        assert await queries.batch_keys(STUDIO, GAME, name) == states
        assert {one.id: one for one in await queries.batch_invites(STUDIO, GAME, name)} == dict(batch.invites)
    for game in studio.games.values():
        for link in game.links.values():
            assert await queries.device(STUDIO, GAME, link.device_id) == link


async def test_an_invite_from_its_sending_to_its_end(projected: Projected) -> None:
    projected.given(DefineBatch(definition=definition()))
    projected.given(imported("a", "b"))
    await agrees(projected)
    projected.given(SendInvites(batch_id=BATCH, invites=[invite("ann@x"), invite("bob@x")]))
    await agrees(projected)
    link = await projected.queries.redeem_link(token_of("ann@x"))
    assert link is not None
    assert (link.studio_id, link.game_id, link.batch_id, link.key_id) == (STUDIO, GAME, BATCH, "")
    opened = OpenInvite(batch_id=BATCH, invite_id=link.invite_id, token_hash=token_of("ann@x"))
    projected.given(opened)
    await agrees(projected)
    projected.given(redeem(token_of("ann@x"), "Ann", "ann@x", invite_id=link.invite_id))
    await agrees(projected)
    claimed = await projected.queries.claim("claim of Ann")
    assert claimed is not None
    assert claimed.key_id == (await projected.queries.batch_keys(STUDIO, GAME, BATCH))[0].id
    projected.given(ForgetRecipient(email_fingerprints=["print of ann@x"]))
    await agrees(projected)
    assert await projected.queries.claim("claim of Ann") is None


async def test_a_public_batch_and_its_testers(projected: Projected) -> None:
    projected.given(DefineBatch(definition=definition(redemption_mode="public"), share_token_hash=SHARE))
    projected.given(imported("a", "b"))
    await agrees(projected)
    link = RedeemLink(studio_id=STUDIO, game_id=GAME, batch_id=BATCH)
    assert await projected.queries.redeem_link(SHARE) == link
    projected.given(RotateShareToken(batch_id=BATCH, share_number=2, share_token_hash=OTHER_SHARE))
    await agrees(projected)
    assert await projected.queries.redeem_link(SHARE) is None
    assert await projected.queries.redeem_link(OTHER_SHARE) == link
    projected.given(redeem(OTHER_SHARE))
    key_id = projected.studio.batches[f"batch/{STUDIO}/{GAME}/{BATCH}"].keys[1].state.id
    claim = "claim of Ann"
    link_command = LinkTester(batch_id=BATCH, key_id=key_id, claim_token_hash=claim, device_id="d1")
    projected.given(link_command)
    await agrees(projected)
    projected.given(UnlinkTester(batch_id=BATCH, key_id=key_id, claim_token_hash=claim, device_id="d1"))
    await agrees(projected)
    assert await projected.queries.device(STUDIO, GAME, "d1") is None
    projected.given(link_command)
    projected.given(RevokeKeys(batch_id=BATCH, key_ids=[key_id]))
    await agrees(projected)
    assert await projected.queries.device(STUDIO, GAME, "d1") is None
    projected.given(CloseBatch(batch_id=BATCH))
    await agrees(projected)


async def test_a_batch_waits_for_its_end_while_it_is_open(projected: Projected) -> None:
    async def waits() -> list[tuple[str, str, int]]:
        await projected.apply()
        rows = await projected.queries.dues(2**52, 10)
        return [(row.kind, row.id, row.due_at_ms) for row in rows]

    projected.given(DefineBatch(definition=definition(expires_at_ms=AT_MS + 5)))
    assert await waits() == [("batch", BATCH, AT_MS + 5)]
    projected.given(DefineBatch(definition=definition(expires_at_ms=AT_MS + 9)))
    assert await waits() == [("batch", BATCH, AT_MS + 9)]
    projected.at_ms = AT_MS + 9
    projected.given(BatchDue(batch_id=BATCH))
    assert await waits() == []
    projected.given(DefineBatch(definition=definition()))
    assert await waits() == []


async def test_a_code_is_found_by_its_fingerprint_in_its_studio(projected: Projected) -> None:
    projected.given(DefineBatch(definition=definition()))
    projected.given(imported("a", "b"))
    await projected.apply()
    found = await projected.queries.code(STUDIO, "print of b")
    assert found is not None
    assert (found[0], found[1], found[2].number, found[2].created_at_ms) == (GAME, BATCH, 2, AT_MS)
    assert await projected.queries.code(STUDIO, "print of c") is None
    assert await projected.queries.code("other", "print of b") is None
