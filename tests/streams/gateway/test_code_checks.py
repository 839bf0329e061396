"""Whether a code is valid: `POST /api/v1/playtest/validate`, with the real decider in memory."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from schemas.edge.limits import S1_DEFAULT_PER_MINUTE
from schemas.edge.ports import Credential, KeyKind
from schemas.playtests.batch_commands import CloseBatch, DefineBatch, RevokeKeys
from tests.schemas.telemetry.s4_samples import NOW
from tests.streams.deciders.playtests.given import GAME, STUDIO
from tests.streams.deciders.playtests.test_batches import BATCH, definition
from tests.streams.gateway.redemption_world import AGGREGATE, Links
from tests.streams.gateway.world import THEIRS, Answer

OWN = "pl_ik_own"


class Codes(Links):
    """The batch's studio has an ingest key."""

    def __init__(self, **more: Any) -> None:
        super().__init__(identity_mode="anonymous", **more)
        self.directory.keys[OWN] = Credential(key_id="own", kind=KeyKind.INGEST, studio_id=STUDIO)

    async def check(self, key: str = OWN, **fields: Any) -> Answer:
        body = {"gameId": GAME, "code": "KEY ONE"} | fields
        return await self.call(
            "/api/v1/playtest/validate",
            json.dumps(body).encode(),
            content_type="application/json",
            authorization=f"Bearer {key}" if key else "",
        )

    async def valid(self, code: str = "KEY ONE") -> bool:
        answer = await self.check(code=code)
        assert (answer.status, answer.json().keys()) == (200, {"valid"})
        found: bool = answer.json()["valid"]
        return found

    def key_id(self, number: int) -> str:
        return self.store.decider.studio.batches[AGGREGATE].keys[number].state.id


async def test_a_code_is_valid_by_id_and_slug_and_no_other_text_is() -> None:
    codes = Codes()
    assert await codes.valid()
    assert (await codes.check(gameId="maze")).json() == {"valid": True}
    for other in ("KEY", "key one", "KEY ONE ", " KEY ONE", "x"):
        assert not await codes.valid(other)


async def test_a_redeemed_key_stays_valid_until_it_is_revoked() -> None:
    codes = Codes()
    assert (await codes.ask("k1")).json()["key"] == "KEY ONE"
    codes.store.decider.given(CloseBatch(batch_id=BATCH))
    assert await codes.valid()
    assert not await codes.valid("KEY TWO")
    codes.store.decider.given(RevokeKeys(batch_id=BATCH, key_ids=[codes.key_id(1)]))
    assert not await codes.valid()


async def test_keys_that_nobody_has_end_with_their_batch_s_time() -> None:
    codes = Codes()
    assert await codes.valid("KEY TWO")
    await codes.ask("k1")
    over = definition(redemption_mode="public", identity_mode="anonymous", expires_at_ms=NOW)
    codes.store.decider.given(DefineBatch(definition=over))
    assert await codes.valid()
    assert not await codes.valid("KEY TWO")


async def test_another_game_s_code_is_not_valid_and_another_studio_s_game_is_unknown() -> None:
    codes = Codes()
    codes.directory.put(replace(THEIRS, id="game_two", studio_id=STUDIO, slug="two"))
    assert (await codes.check(gameId="game_two")).json() == {"valid": False}
    unknown = [
        await codes.check(gameId="nobody"),
        await codes.check(gameId="game_theirs"),
        await codes.check("pl_ik_1"),
    ]
    assert {(one.status, one.body) for one in unknown} == {(404, b'{"error":"unknown game"}')}


async def test_keys_of_other_kinds_and_bad_bodies_are_refused_in_s1_s_words() -> None:
    codes = Codes()
    missing = await codes.check("")
    assert (missing.status, missing.json()) == (401, {"error": "Missing bearer token"})
    for key in ("nobody", "wpg_sk_1", "token"):
        unknown = await codes.check(key)
        assert (unknown.status, unknown.json()) == (401, {"error": "Invalid key"})
    management = await codes.check("pl_mgmt_1")
    assert (management.status, management.json()["requiredScope"]) == (403, "ingest")
    bad: tuple[tuple[dict[str, Any], str], ...] = (
        ({"code": ""}, "code"),
        ({"code": 5}, "code"),
        ({"code": "x" * 256}, "code"),
        ({"gameId": ""}, "gameId"),
    )
    for fields, path in bad:
        answer = await codes.check(**fields)
        assert (answer.status, answer.json()["issues"][0]["path"]) == (400, [path])
    path = "/api/v1/playtest/validate"
    assert (await codes.call(path, b"[]", authorization=f"Bearer {OWN}")).status == 400
    assert (await codes.call(path, b"x" * 9000, authorization=f"Bearer {OWN}")).status == 413
    other = await codes.call(path, method="GET")
    assert (other.status, other.headers["allow"]) == (405, "POST, OPTIONS")
    assert (await codes.call(path, method="OPTIONS")).status == 204


@pytest.mark.parametrize("client", ["1.2.3.4", "2001:db8::1"])
async def test_guessing_is_limited_by_address(client: str) -> None:
    codes = Codes()
    path, body = "/api/v1/playtest/validate", json.dumps({"gameId": GAME, "code": "guess"}).encode()
    for _ in range(int(S1_DEFAULT_PER_MINUTE)):
        assert (await codes.call(path, body, client=client, authorization=f"Bearer {OWN}")).status == 200
    refused = await codes.call(path, body, client=client, authorization=f"Bearer {OWN}")
    assert (refused.status, refused.json()["scope"]) == (429, "ip")
    assert int(refused.headers["retry-after"]) * 1000 >= refused.json()["retryAfterMs"]
