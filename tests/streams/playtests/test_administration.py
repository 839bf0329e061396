"""What the command line asks of key batches; the real decider answers, in memory."""

from __future__ import annotations

import re
from random import Random
from typing import Any

import msgspec
import pytest

from deploy.objects import FolderObjects
from schemas.edge.ports import Game, Limits, Studio
from schemas.identifiers import key_hash
from schemas.playtests.account_commands import AdjustAccount
from schemas.playtests.batch_commands import DefineBatch, RedeemKey
from schemas.playtests.batch_views import Invite
from schemas.playtests.limits import CODES_PER_COMMAND_MAX, INVITES_PER_COMMAND_MAX
from schemas.playtests.names import batch_aggregate
from schemas.playtests.tokens import share_token
from schemas.playtests.views import Slot, Submission
from schemas.seal import OLD_SECRETS_MAX, Sealer
from streams.asking import CommandRefused
from streams.playtests.administration import SEALED_CHARACTERS_MAX, PlaytestAdministration, Recipient
from tests.streams.deciders.playtests.given import AT_MS, GAME, STUDIO
from tests.streams.deciders.playtests.test_batches import BATCH, definition
from tests.streams.gateway.redemption_world import AGGREGATE, SEALER, Store

OTHER = "user_2"


class Reads(Store):
    """Two studios, each with a game of the same slug; the first has the batch."""

    slot_held: Slot | None = None

    async def studios(self) -> list[Studio]:
        return [
            Studio(id=one, slug=f"s-{one}", name=one, plan="free", created_at_ms=0) for one in (STUDIO, OTHER)
        ]

    async def games(self, studio_id: str) -> list[Game]:
        name = GAME if studio_id == STUDIO else "game_2"
        return [
            Game(id=name, studio_id=studio_id, slug="maze", name="Maze", created_at_ms=0, limits=Limits())
        ]

    async def batch_invites(self, studio_id: str, game_id: str, batch_id: str) -> list[Invite]:
        held = self.decider.studio.batches[batch_aggregate(studio_id, game_id, batch_id)]
        return list(held.invites.values())

    async def slot(self, slot_id: str) -> Slot | None:
        return self.slot_held if self.slot_held is not None and self.slot_held.id == slot_id else None


class World:
    def __init__(self, objects: FolderObjects, **more: Any) -> None:
        self.reads = Reads()
        self.objects = objects
        share = key_hash(share_token(SEALER, AGGREGATE, 1))
        self.reads.decider.given(DefineBatch(definition=definition(**more), share_token_hash=share))
        self.asks = self.by(SEALER)

    def by(self, sealer: Sealer) -> PlaytestAdministration:
        """As a process asks that knows these secrets."""
        return PlaytestAdministration(
            self.reads,
            studios=self.reads,
            reads=self.reads,
            objects=self.objects,
            sealer=sealer,
            base_url="http://localhost:4000/",
            clock_ms=lambda: AT_MS,
            randomness=Random(1).randbytes,
        )

    async def batch(self) -> Any:
        return await self.asks.batch(GAME, BATCH)

    def code(self, number: int) -> str:
        sealed = self.reads.decider.studio.batches[AGGREGATE].keys[number].code
        return SEALER.open(sealed, studio_id=STUDIO, aggregate_id=AGGREGATE, field="keys")


@pytest.fixture
def world(tmp_path: Any) -> World:
    return World(FolderObjects(tmp_path, base_url="", secret=b""))


@pytest.fixture
def generated(tmp_path: Any) -> World:
    objects = FolderObjects(tmp_path, base_url="", secret=b"")
    return World(objects, fulfillment_source="generated", redemption_mode="public")


async def test_a_game_is_found_by_its_id_or_by_its_slug_and_studio(world: World) -> None:
    assert (await world.asks.batch("maze", BATCH, f"s-{STUDIO}")).game.id == GAME
    for game, batch, told in (
        ("maze", BATCH, "several studios have a game maze: name one with --studio"),
        ("none", BATCH, "there is no game none"),
        (GAME, "ptb_none", f"{GAME} has no batch ptb_none"),
    ):
        with pytest.raises(CommandRefused, match=told):
            await world.asks.batch(game, batch)
    with pytest.raises(CommandRefused, match="there is no studio nobody: there "):
        await world.asks.batch("maze", BATCH, "nobody")


async def test_codes_are_imported_in_parts_sealed_and_those_that_are_there_told(world: World) -> None:
    codes = [f"code {number}" for number in range(CODES_PER_COMMAND_MAX + 5)]
    codes[3] = codes[-1] = "code 0"
    assert await world.asks.import_codes(await world.batch(), codes) == (
        len(codes) - 2,
        [3, len(codes) - 1],
    )
    assert [world.code(number) for number in (1, 2, 4)] == ["code 0", "code 1", "code 4"]
    assert len(world.reads.asked) == 2
    assert b"code 1" not in msgspec.msgpack.encode(world.reads.asked)


async def test_no_part_is_larger_than_a_record_holds(world: World) -> None:
    codes = [f"{number}" + "\N{CHECK MARK}" * 250 for number in range(CODES_PER_COMMAND_MAX)]
    assert (await world.asks.import_codes(await world.batch(), codes))[0] == len(codes)
    assert max(len(command.body) for command in world.reads.asked) < SEALED_CHARACTERS_MAX * 1.1
    assert len(world.reads.asked) > 1


async def test_minted_codes_have_the_product_s_form(generated: World) -> None:
    assert await generated.asks.mint(await generated.batch(), 3) == 3
    assert re.fullmatch(r"pl-betakey(-[0-9a-f]{8}){3}", generated.code(3))
    with pytest.raises(CommandRefused, match="come from the other source"):
        await generated.asks.import_codes(await generated.batch(), ["code"])


async def test_each_person_is_invited_once(world: World) -> None:
    batch = await world.batch()
    people = [Recipient(f"p{number}@x", "hi") for number in range(INVITES_PER_COMMAND_MAX + 1)]
    await world.asks.import_codes(batch, [f"code {number}" for number in range(len(people))])
    links = await world.asks.invite(batch, people)
    assert len(set(links.values())) == len(people)
    assert all(link.startswith("http://localhost:4000/redeem/") for link in links.values())
    assert await world.asks.invite(batch, [Recipient(" P0@X ")]) == {}
    token = links["p0@x"].rpartition("/")[2]
    assert await world.reads.redeem_link(key_hash(token)) is not None
    assert b"p0@x" not in msgspec.msgpack.encode(world.reads.asked)


async def test_links_are_told_again_until_they_are_redeemed(world: World) -> None:
    batch = await world.batch()
    await world.asks.import_codes(batch, ["code 0", "code 1"])
    links = await world.asks.invite(batch, [Recipient("p0@x"), Recipient("p1@x")])
    assert await world.asks.open_links(batch, ["P0@x ", "p1@x", "p2@x"]) == {
        "P0@x ": links["p0@x"],
        "p1@x": links["p1@x"],
    }
    renewed = world.by(Sealer(b"second", [b"secret"]))
    assert await renewed.open_links(batch, ["p0@x"]) == {"p0@x": links["p0@x"]}
    token_hash = key_hash(links["p0@x"].rpartition("/")[2])
    invites = await world.reads.batch_invites(STUDIO, GAME, BATCH)
    (first,) = [one.id for one in invites if one.token_hash == token_hash]
    claim = key_hash("claim")
    redeem = RedeemKey(
        batch_id=BATCH, invite_id=first, token_hash=token_hash, claim_token_hash=claim, handle="ann"
    )
    world.reads.decider.given(redeem)
    assert await world.asks.open_links(batch, ["p0@x", "p1@x"]) == {"p1@x": links["p1@x"]}


async def test_codes_and_persons_are_known_across_changes_of_the_secret(world: World) -> None:
    batch = await world.batch()
    await world.asks.import_codes(batch, ["code 0", "code 1"])
    await world.asks.invite(batch, [Recipient("p0@x")])
    once = world.by(Sealer(b"second", [b"secret"]))
    assert await once.import_codes(batch, ["code 2", "code 1"]) == (1, [1])
    assert set(await once.invite(batch, [Recipient("P0@x"), Recipient("p1@x")])) == {"p1@x"}
    twice = world.by(Sealer(b"third", [b"second", b"secret"]))
    assert await twice.import_codes(batch, ["code 2", "code 1", "code 3"]) == (1, [0, 1])
    assert set(await twice.invite(batch, [Recipient("p0@x"), Recipient("p1@x"), Recipient("p2@x")])) == {
        "p2@x"
    }


async def test_no_part_is_larger_than_a_record_holds_with_many_former_secrets(world: World) -> None:
    secrets = [f"{number}".encode() for number in range(OLD_SECRETS_MAX)]
    codes = [f"code {number}" for number in range(CODES_PER_COMMAND_MAX)]
    asks = world.by(Sealer(b"last", secrets))
    assert (await asks.import_codes(await world.batch(), codes))[0] == len(codes)
    assert max(len(command.body) for command in world.reads.asked) < SEALED_CHARACTERS_MAX * 1.1
    assert len(world.reads.asked) > 1


async def test_a_share_link_is_shown_and_made_anew(generated: World, world: World) -> None:
    first = await generated.asks.share(await generated.batch())
    second = await generated.asks.share(await generated.batch(), rotate=True)
    assert first != second
    assert await generated.asks.share(await generated.batch()) == second
    with pytest.raises(CommandRefused, match="no public link"):
        await world.asks.share(await world.batch())


async def test_keys_are_revoked(world: World) -> None:
    await world.asks.import_codes(await world.batch(), ["code"])
    key_id = world.reads.decider.studio.batches[AGGREGATE].keys[1].state.id
    await world.asks.revoke(await world.batch(), [key_id])
    assert world.reads.decider.studio.batches[AGGREGATE].counts.revoked == 1
    with pytest.raises(CommandRefused, match="no such key"):
        await world.asks.revoke(await world.batch(), ["ptk_none"])


async def test_what_is_away_is_told_in_one_line(world: World) -> None:
    world.reads.away = 1
    with pytest.raises(CommandRefused, match="it may or may not have happened") as refused:
        await world.asks.import_codes(await world.batch(), ["code"])
    assert refused.value.status == 503


async def test_a_transcript_is_stored_and_approved(world: World) -> None:
    decider = world.reads.decider
    with pytest.raises(CommandRefused, match="no submission"):
        await world.asks.transcript("none", "words", version="operator", takeaways=[])
    decider.given(AdjustAccount(amount_cents=1_000_000, reason="test"))
    slot_id = decider.submitted(decider.active())
    submission = Submission(id="s", video_key="v", video_bytes=1, created_at_ms=AT_MS)
    world.reads.slot_held = Slot(
        id=slot_id,
        order_id=next(iter(decider.studio.orders)),
        studio_id=STUDIO,
        game_id=GAME,
        number=1,
        status="submitted",
        created_at_ms=AT_MS,
        submission=submission,
    )
    await world.asks.transcript(slot_id, "words", version="operator", takeaways=["dark"])
    assert decider.slot(slot_id).transcription == "approved"
    (name,) = await world.objects.names(f"transcripts/{STUDIO}/{slot_id}")
    assert await world.objects.read(f"transcripts/{STUDIO}/{slot_id}/{name}") == b"words"
