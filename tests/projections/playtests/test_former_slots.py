"""The layout before, as the release before reads it: each slot's hash, and all other keys the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from projections.redis.reader import Projection, RedisReader
from schemas.playtests import slot_commands, views
from schemas.playtests.views import SLOT_STATUSES, Rating, Slot
from tests.projections.playtests.agreement import CREDIT
from tests.projections.playtests.parting import forget
from tests.streams.deciders.playtests.given import block

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from tests.projections.playtests.support import Projected

pytestmark = pytest.mark.stack
PARTS: dict[bytes, tuple[str, type[Any]]] = {
    b"submission": ("submission", views.Submission),
    b"rating": ("rating", views.Rating),
    b"rejection": ("rejection", views.Rejection),
    b"transcription": ("transcription", views.Transcription),
    b"report": ("blocked_report", views.BlockedReport),
}


def read(fields: dict[bytes, bytes]) -> Slot:
    """A slot by its hash, as the release before reads it."""
    order_id, studio_id, game_id = msgspec.msgpack.decode(fields[b"of"], type=tuple[str, str, str])
    state = msgspec.msgpack.decode(fields[b"state"], type=views.SlotState)
    parts = {
        name: msgspec.msgpack.decode(fields[field], type=kind)
        for field, (name, kind) in PARTS.items()
        if field in fields
    }
    assert fields.keys() <= {b"of", b"state", b"public", *PARTS}
    return Slot(
        order_id=order_id,
        studio_id=studio_id,
        game_id=game_id,
        public_key=fields.get(b"public", b"").decode(),
        **msgspec.structs.asdict(state),
        **parts,
    )


async def held(redis: Redis, made: Projection) -> dict[bytes, Any]:
    """Every key but the positions, with what it holds."""
    prefix = f"{made.name}:1:".encode()
    found: dict[bytes, Any] = {}
    async for key in redis.scan_iter(match=prefix + b"*"):
        name = key.removeprefix(prefix)
        kind = await redis.type(key)
        if kind == b"hash":
            found[name] = await redis.hgetall(key)
        elif kind == b"zset":
            found[name] = await redis.zrange(key, 0, -1, withscores=True)
        elif kind == b"set":
            found[name] = await redis.smembers(key)
        else:
            found[name] = await redis.get(key)
    del found[b"positions"]
    return found


async def test_slots_are_the_same_in_the_layout_before_and_all_else_too(projected: Projected) -> None:
    projected.given(CREDIT)
    for status in SLOT_STATUSES:
        projected.slot_in(status)
        projected.at_ms += 1
    published = projected.slot_in("publishing")
    projected.given(slot_commands.PublishSlot(slot_id=published, public_key="public/one"))
    projected.given(slot_commands.RateSlot(slot_id=published, rating=Rating(score=4, comment="good")))
    projected.given(
        slot_commands.ApproveTranscript(slot_id=published, version="claude", key="t", key_takeaways=["a"])
    )
    reserved = projected.slot_in("reserved")
    projected.given(block(reserved))
    projected.given(slot_commands.UnblockSlot(slot_id=reserved))
    gone = projected.accepted("bea")
    projected.given(slot_commands.RateSlot(slot_id=gone, rating=Rating(score=2, comment="bad")))
    projected.applied(projected.active(selection_mode="manual"), "bea")
    projected.given(forget("bea"))
    await projected.apply()
    kept = projected.noun.kept
    assert kept is not None
    assert (kept.name, kept.kept) == ("playtests", None)
    before = RedisReader(projected.redis, kept, log=projected.log, answers=False)
    await before.assigned(0)
    for record in projected.log.records[0]:
        await before.handle(record)
    own, former = await held(projected.redis, projected.noun), await held(projected.redis, kept)
    slots = {
        name.removeprefix(b"slot:").decode(): read(former[name]) for name in former if name[:5] == b"slot:"
    }
    assert {slot.status for slot in slots.values()} == {*SLOT_STATUSES}
    for slot_id, slot in slots.items():
        assert await projected.queries.slot(slot_id) == slot
    rows = [row for name in own if name.startswith(b"slot-rows:") for row in own[name]]
    assert {row.decode() for row in rows} == slots.keys()
    assert {name: own[name] for name in own if not name.startswith(b"slot-rows:")} == {
        name: former[name] for name in former if not name.startswith(b"slot:")
    }
