"""What webhooks tell of playtests: which events, in which words, in order for each playtest, no secret."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, get_args

import msgspec
import pytest

from projections.playtests.webhooks import PLAYTESTS as NOTIFIED
from projections.webhooks.deliveries import notified_events, planned
from schemas.codec import Message
from schemas.envelope import Decided, EventsRecord
from schemas.playtests import account_commands, slot_commands
from schemas.playtests.batch_commands import DefineBatch, ForgetRecipient
from schemas.playtests.views import Rating
from schemas.playtests.webhooks import PlaytestWebhookType, signature_headers
from schemas.studio.definitions_webhooks import Webhook
from schemas.webhooks import Delivery, WebhookTarget
from tests.projections.playtests.parting import forget
from tests.projections.playtests.support import Told
from tests.streams.deciders.playtests.given import DAY_MS, GAME, block, keys, submit
from tests.streams.deciders.playtests.test_batches import SHARE, definition, imported, redeem

ALL = frozenset(get_args(PlaytestWebhookType))
NOT_YET = frozenset({"key.redeemed"})


class Notified(Told):
    """Every command's deliveries to one target of the game, from a record of its own."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        super().__init__()
        self.given(account_commands.AdjustAccount(amount_cents=1_000_000, reason="test"))

    def happened(self, decided: Decided) -> None:
        record = EventsRecord(version=1, src=0, gateway_id="", record_id="", decided=[decided])
        target = WebhookTarget(game_id=GAME, id="main", url="", events=ALL)
        self.deliveries += planned(notified_events(record, NOTIFIED), {GAME: [target]}, 7, NOTIFIED)

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(one.body) for one in self.deliveries]


def test_every_type_is_told_in_order_for_its_playtest_and_nothing_secret_is_in_it() -> None:
    world = Notified()
    order_id = world.active(2, keys=keys(2))
    slot_id = world.claimed(order_id, "ann")
    world.given(submit(slot_id, "ann", notes="fine"))
    world.given(slot_commands.RejectSlot(slot_id=slot_id, reason="too short", allow_retry=True))
    world.at_ms += DAY_MS
    world.given(slot_commands.SlotDue(slot_id=_last(world)))
    other = world.claimed(order_id, "bea")
    world.given(block(other, "bea"))
    world.given(slot_commands.CancelSlot(slot_id=other))
    world.given(slot_commands.AcceptSlot(slot_id=world.submitted(world.active()), rating=Rating(score=5)))
    world.applied(world.active(selection_mode="manual"), "cid")
    found = world.bodies()
    types = [one["event"] for one in found]
    assert set(types) == ALL - NOT_YET
    assert [one["event"] for one in found if one["data"]["playtestId"] == order_id] == [
        "playtest.activated",
        "slot.reserved",
        "slot.submitted",
        "slot.rejected",
        "slot.reserved",
        "slot.expired",
        "slot.reserved",
        "slot.blocked",
        "playtest.completed",
    ]
    lines: dict[str, list[int]] = {}
    for one in world.deliveries:
        lines.setdefault(one.line, []).append(one.sequence)
    assert all(numbers == sorted(set(numbers)) for numbers in lines.values())
    assert len({one.id for one in world.deliveries}) == len(world.deliveries)
    for body in found:
        assert list(body) == ["id", "event", "timestamp", "data"]
        assert {"slotId", "playtestId", "gameId", "playerId"} <= body["data"].keys()
        assert body["data"]["gameId"] == GAME
    text = b"".join(one.body for one in world.deliveries)
    assert b"sealed" not in text


def dropped_of(world: Notified, body: Message) -> list[Delivery]:
    """Those of its deliveries that do not wait any longer once a command was decided."""
    found = [one for event in world.given(body) for one in NOTIFIED.dropped(event)]
    assert len(set(found)) == len(found)
    return [
        one
        for one in world.deliveries
        if any(
            one.line == f"{each.game_id}/main/{each.subject}" and each.holding.encode() in one.body
            for each in found
        )
    ]


def test_what_names_a_forgotten_person_does_not_wait_and_what_names_others_does() -> None:
    world = Notified()
    order_id = world.active(2)
    world.submitted(order_id, "ann")
    world.submitted(order_id, "annabel")
    world.applied(world.active(selection_mode="manual", game_id="game_2"), "ann")
    applied = world.applied(world.active(selection_mode="manual"), "ann")
    gone = dropped_of(world, forget("ann"))
    told = [json.loads(one.body) for one in gone]
    assert [(one["event"], one["data"]["playerId"]) for one in told] == [
        ("slot.reserved", "ann"),
        ("slot.submitted", "ann"),
        ("application.created", "ann"),
    ]
    assert told[-1]["data"]["applicationId"] == applied  # the other game has no target
    assert [one for one in world.deliveries if b'"ann"' in one.body] == gone


def test_what_tells_of_a_forgotten_handle_does_not_wait() -> None:
    world = Notified()
    world.given(DefineBatch(definition=definition(redemption_mode="public"), share_token_hash=SHARE))
    world.given(imported("a", "b"))
    for name in ("Ann", "Bob"):
        world.given(redeem(SHARE, name, f"{name}@x"))
    by_handle = dropped_of(world, forget("device", "Ann"))
    by_mail = dropped_of(world, ForgetRecipient(email_fingerprints=["print of Bob@x"]))
    assert [[json.loads(one.body)["data"]["handle"] for one in some] for some in (by_handle, by_mail)] == [
        ["Ann"],
        ["Bob"],
    ]


def _last(world: Notified) -> str:
    return str(world.bodies()[-1]["data"]["slotId"])


def test_another_games_targets_are_not_told() -> None:
    world = Notified()
    world.active(game_id="game_2")
    assert world.deliveries == []


def test_the_second_header_set_is_an_hmac_of_timestamp_and_body() -> None:
    headers = signature_headers("whsec_x", 1_800_000_000, b'{"a":1}')
    wanted = hmac.new(b"whsec_x", b'1800000000.{"a":1}', hashlib.sha256).hexdigest()
    assert headers == {
        "X-WPG-Signature": wanted,
        "X-WPG-Timestamp": "1800000000",
        "X-WPG-Signature-Version": "v1",
    }


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_definition_may_ask_for_each(name: str) -> None:
    webhook = msgspec.convert({"id": "main", "url": "https://example.com/", "events": [name]}, Webhook)
    assert webhook.events == [name]


def test_a_definition_may_ask_for_no_other() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"id": "main", "url": "https://example.com/", "events": ["slot.lost"]}, Webhook)
