from __future__ import annotations

import pytest

from schemas.edge.errors import Refused
from schemas.edge.routes import Found
from streams.gateway.liveops.bodies import Body, DebitBody, GrantBody, ItemBody, StartBody, read_as
from streams.gateway.liveops.routes import REGISTER, ROUTES
from streams.gateway.liveops.write_commands import operation_of

GRANT = b'{"crate": {"table": [{"weight": 1, "entries": [{"type": "item", "key": "a", "quantity": %b}]}]}}'
ENTRIES = b'{"entries": [{"type": "item", "key": "a", "quantity": %b}]}'
BODIES: list[tuple[type[Body], bytes, str]] = [
    (DebitBody, b'{"amount": %b, "reason": "r"}', "amount"),
    (ItemBody, b'{"quantity": %b}', "quantity"),
    (GrantBody, GRANT, "crate.table[0].entries[0].quantity"),
    (GrantBody, ENTRIES, "entries[0].quantity"),
]


@pytest.mark.parametrize(("kind", "body", "field"), BODIES)
def test_a_whole_float_is_the_integer(kind: type[Body], body: bytes, field: str) -> None:
    del field
    integer = read_as(kind, body % b"5")
    for spelled in (b"5.0", b"5e0", b"0.5e1"):
        assert repr(read_as(kind, body % spelled)) == repr(integer)


@pytest.mark.parametrize(("kind", "body", "field"), BODIES)
@pytest.mark.parametrize(
    "spelled", [b"5.5", b"0.0", b"1e17", b"9007199254740993.0", b'"5"', b"true", b"1e999"]
)
def test_anything_else_is_refused_by_its_name(
    kind: type[Body], body: bytes, field: str, spelled: bytes
) -> None:
    with pytest.raises(Refused) as caught:
        read_as(kind, body % spelled)
    assert caught.value.status == 400
    if spelled != b"1e999":
        assert caught.value.details["field"] == field


def test_a_context_keeps_its_floats() -> None:
    context = read_as(StartBody, b'{"playerContext": {"level": 5.0}}').player_context or {}
    assert type(context["level"]) is float


def test_what_an_idempotency_key_is_bound_to_never_changes() -> None:
    ids = dict.fromkeys(("externalId", "eventKey", "attemptId", "grantId", "itemKey", "economyKey"), "x")
    found = {
        route.template: operation_of(Found(route, {name: ids[name] for name in route.names}), b"")
        for route in ROUTES
    }
    player, server = "/sdk/v1/players/{externalId}", "/server/v1/players/{externalId}"
    assert found == {
        f"{player}/events/{{eventKey}}/start": "start/x",
        f"{player}/events/{{eventKey}}/attempts/{{attemptId}}/progress": "progress/x/x",
        f"{player}/grants/{{grantId}}/claim": "claim/x",
        f"{player}/crates/{{grantId}}/open": "open/x",
        f"{player}/register": "register",
        f"{player}/inventory/{{itemKey}}/consume": "consume/x",
        f"{player}/wallet/{{economyKey}}/debit": "debit/x",
        f"{server}/secret": "rotate_secret",
        f"{server}/wallet/{{economyKey}}/credit": "credit/x",
        f"{server}/inventory/{{itemKey}}/grant": "grant_item/x",
        f"{server}/grants": "give_grant",
    }
    register = Found(REGISTER, {"externalId": "x"})
    assert operation_of(register, b"force=TRUE") == "register/forced"
