"""Every id of S2 x whose key: a 404 says nothing of whether it exists, and no answer has another's data."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest

from tests.outside.playtests import Client, Owner, Playtester
from tests.outside.world import World

pytestmark = pytest.mark.stack
Call = tuple[str, str, Any]
META = re.compile(rb'"meta":\{[^}]*\}')
NOBODY = str(uuid.UUID(int=0x8000_0000_0000_4000_8000_0000_0000_0000))


class Mine:
    """An order of each kind with all that can be asked about: ids by what they name."""

    def __init__(self, owner: Owner, ada: Playtester) -> None:
        order = owner.order(quantity=2, keysForTesters=["one-" + NOBODY, "two-" + NOBODY])
        self.order: str = order["id"]
        self.slot: str = ada.claim(self.order)["id"]
        self.manual: str = owner.order(selectionMode="manual")["id"]
        self.application: str = ada.apply(self.manual)["id"]
        self.payment: str = owner.post("/billing/credit", {"amountCents": 2000}, status=201)["paymentId"]

    def named(self, template: str) -> str:
        """A path with these ids."""
        return template.format(**vars(self))


OWNER_CALLS: tuple[Call, ...] = (
    ("GET", "/playtests/{order}", None),
    ("PATCH", "/playtests/{order}", {"notesForTesters": "stolen"}),
    ("POST", "/playtests/{order}/pay", None),
    ("POST", "/playtests/{order}/cancel", None),
    ("GET", "/playtests/{order}/slots", None),
    ("GET", "/playtests/{manual}/applications", None),
    ("GET", "/playtests/slots/{slot}", None),
    ("POST", "/playtests/slots/{slot}/accept", None),
    ("POST", "/playtests/slots/{slot}/reject", None),
    ("POST", "/playtests/slots/{slot}/unblock", None),
    ("POST", "/playtests/slots/{slot}/cancel", None),
    ("POST", "/playtests/slots/{slot}/rating", {"score": 1}),
    ("GET", "/playtests/slots/{slot}/download-url", None),
    ("GET", "/playtests/slots/{slot}/transcript", None),
    ("POST", "/playtests/playtest-applications/{application}/approve", None),
    ("POST", "/playtest-applications/{application}/reject", None),
    ("GET", "/billing/payments/{payment}", None),
)
PLAYTESTER_CALLS: tuple[Call, ...] = (
    ("GET", "/playtests/me/slots/{slot}", None),
    ("POST", "/playtests/slots/{slot}/upload-url", {"size": 1, "contentType": "video/mp4"}),
    ("POST", "/playtests/slots/{slot}/submit", {"uploadId": NOBODY}),
    ("POST", "/playtests/slots/{slot}/abandon", None),
    ("POST", "/playtests/slots/{slot}/block", {"reasonCode": "other"}),
    ("POST", "/playtest-applications/{application}/withdraw", None),
)
STUDIO_WIDE: tuple[Call, ...] = (
    ("POST", "/playtests/{order}/claim", None),
    ("POST", "/playtests/{manual}/apply", {"qualificationsResponse": "me"}),
)
"""What any playtester of the studio's panel may ask."""


@pytest.fixture(scope="module")
def mine(owner: Owner, ada: Playtester) -> Mine:
    return Mine(owner, ada)


def told(client: Client, call: Call, path: str) -> tuple[int, bytes]:
    """Status and body of a call, but `meta`."""
    method, _, body = call
    response = client.call(method, path, body)
    return response.status_code, META.sub(b"", response.content)


def nothing(template: str) -> str:
    """The path with ids that nothing has."""
    return re.sub(r"{\w+}", NOBODY, template)


def test_another_studio_s_owner_learns_nothing(world: World, owner: Owner, mine: Mine) -> None:
    stranger = Owner(world, world.other["keys"]["wpg_sk"])
    before = owner.call("GET", f"/playtests/{mine.order}").json()["data"]
    unknown = {told(stranger, call, nothing(call[1])) for call in OWNER_CALLS}
    assert len(unknown) == 1
    assert next(iter(unknown))[0] == 404
    assert {told(stranger, call, mine.named(call[1])) for call in OWNER_CALLS} == unknown
    assert {told(owner, call, nothing(call[1])) for call in OWNER_CALLS} == unknown
    assert told(stranger, ("POST", "", None), "/games/doom/playtests")[0] == 404
    assert (
        stranger.call("POST", "/billing/credit", {"amountCents": 2000, "playtestId": mine.order}).status_code
        == 404
    )
    assert owner.call("GET", f"/playtests/{mine.order}").json()["data"] == before


def test_another_playtester_learns_nothing_of_slots_and_applications(
    world: World, ada: Playtester, brendan: Playtester, mine: Mine
) -> None:
    unknown = {told(ada, call, nothing(call[1])) for call in PLAYTESTER_CALLS + STUDIO_WIDE}
    assert len(unknown) == 1
    assert next(iter(unknown))[0] == 404
    foreign = Playtester(world, world.other["keys"]["wpg_pt"][0])
    assert {told(brendan, call, mine.named(call[1])) for call in PLAYTESTER_CALLS} == unknown
    assert {told(foreign, call, mine.named(call[1])) for call in PLAYTESTER_CALLS + STUDIO_WIDE} == unknown
    offers = foreign.get("/playtests/me/available?limit=100")["playtests"]
    assert mine.order not in [one["id"] for one in offers]
    assert ada.get(f"/playtests/me/slots/{mine.slot}")["slot"]["status"] == "reserved"


def test_keys_of_the_other_scope_and_the_operator_get_no_further(
    world: World, owner: Owner, ada: Playtester, mine: Mine
) -> None:
    for call in OWNER_CALLS:
        assert told(ada, call, mine.named(call[1])) == told(ada, call, nothing(call[1]))
        assert told(ada, call, mine.named(call[1]))[0] == 403
    for call in PLAYTESTER_CALLS + STUDIO_WIDE:
        assert told(owner, call, mine.named(call[1]))[0] == 403
    operator = Client(world, world.demo["operator_token"])
    for call in (*OWNER_CALLS[:2], *PLAYTESTER_CALLS[:2]):
        assert told(operator, call, mine.named(call[1]))[0] in {401, 429}
    for decision in ("approve", "decline"):
        trial = f"/playtests/{mine.order}/trial/{decision}"
        assert operator.call("POST", trial).status_code == 409
        assert operator.call("POST", trial.replace(mine.order, NOBODY)).status_code == 404
        assert owner.call("POST", trial).status_code in {401, 429}


def test_an_order_for_one_playtester_does_not_exist_for_others(
    owner: Owner, ada: Playtester, brendan: Playtester
) -> None:
    first = owner.order()
    slot = ada.claim(first["id"])
    ada.submit(slot["id"])
    owner.post(f"/playtests/slots/{slot['id']}/accept")
    aimed = owner.order(
        targetingType="past", pastPlaytesterScope="specific", targetedPlaytesterId=ada.playtester_id
    )
    claim: Call = ("POST", "", None)
    unknown = told(brendan, claim, f"/playtests/{NOBODY}/claim")
    assert told(brendan, claim, f"/playtests/{aimed['id']}/claim") == unknown
    past = owner.order(targetingType="past", pastPlaytesterScope="any")
    new = owner.order(targetingType="new")
    offers = [one["id"] for one in brendan.get("/playtests/me/available?limit=100")["playtests"]]
    assert new["id"] in offers
    assert past["id"] not in offers
    assert brendan.refused("POST", f"/playtests/{past['id']}/claim", status=409)["reason"] == "not_eligible"
    assert ada.refused("POST", f"/playtests/{new['id']}/claim", status=409)["reason"] == "not_eligible"
    offers = [one["id"] for one in ada.get("/playtests/me/available?limit=100")["playtests"]]
    assert {aimed["id"], past["id"]} <= set(offers)
    assert ada.claim(aimed["id"])["status"] == "reserved"
