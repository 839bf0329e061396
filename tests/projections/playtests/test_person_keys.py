"""A key is a person's where their handle redeemed it, whatever else in it reads like their id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from projections.playtests.keys import STORED
from projections.redis.person_keys import PersonKeys
from projections.redis.stores import Store
from schemas.persons import Handle, Person
from schemas.playtests.batch_commands import DefineBatch
from schemas.playtests.persons import PERSONAL
from tests.streams.deciders.playtests.given import GAME, STUDIO
from tests.streams.deciders.playtests.test_batches import SHARE, definition, imported, redeem

if TYPE_CHECKING:
    from tests.projections.playtests.support import Projected

pytestmark = pytest.mark.stack


async def keys_of(projected: Projected, identifier: str, *handles: Handle) -> list[str]:
    """The handles of the batch's keys that are found."""
    person = Person(studio_id=STUDIO, games=(GAME,), id=identifier, handles=handles)
    keys = PersonKeys(Store(projected.redis, STORED))
    (declared,) = [key for key in PERSONAL.keys if key.key.startswith("batch-keys:")]
    return [one.value["redemption"]["handle"] async for one in keys.held(declared, person)]


async def test_keys_are_found_by_handle_alone(projected: Projected) -> None:
    projected.given(DefineBatch(definition=definition(redemption_mode="public"), share_token_hash=SHARE))
    projected.given(imported("a", "b"))
    projected.given(redeem(SHARE, "Ann", country="DE"))
    projected.given(redeem(SHARE, "Bob", country="DE"))
    await projected.apply()
    assert await keys_of(projected, "Ann") == ["Ann"]
    assert await keys_of(projected, "device_1", Handle(GAME, "Bob")) == ["Bob"]
    assert await keys_of(projected, "device_1", Handle("another game", "Bob")) == []
    for other in ("DE", "redeemed", "ann"):
        assert await keys_of(projected, other) == []
