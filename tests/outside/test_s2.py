"""S2 from order to payout, as an owner and playtesters see it."""

from __future__ import annotations

import json
import re
import time
import uuid
from typing import Any

import httpx
import pytest

from tests import plain_http
from tests.outside.playtests import (
    VIDEO,
    Client,
    Owner,
    Playtester,
    new_playtester,
    provider_event,
)
from tests.outside.world import World
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack
Json = dict[str, Any]
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def operator(world: World) -> Client:
    return Client(world, world.demo["operator_token"])


def test_an_order_is_paid_played_reviewed_and_paid_out(owner: Owner, ada: Playtester) -> None:
    unpaid = owner.post("/games/relay/playtests", {"quantity": 2, "notesForTesters": "Go left"}, status=201)
    assert (unpaid["requiresPayment"], unpaid["costPerSlotCents"], unpaid["totalCents"]) == (True, 2000, 4000)
    order = unpaid["playtest"]
    assert (order["status"], order["quantity"], order["durationMinutes"]) == ("pending_payment", 2, 60)
    assert "slots" not in order
    ada.refused("POST", f"/playtests/{order['id']}/claim", status=404)
    owner.top_up()
    before = owner.get("/billing/balance")["balanceCents"]
    paid = owner.post(f"/playtests/{order['id']}/pay")
    assert paid["balanceCents"] == before - 4000
    assert [slot["status"] for slot in paid["slots"]] == ["open", "open"]
    assert paid["playtest"]["money"]["heldCents"] == 4000
    assert order["id"] in [one["id"] for one in ada.get("/playtests/me/available?limit=100")["playtests"]]
    slot = ada.claim(order["id"])
    assert (slot["status"], slot["payoutCents"], slot["notesForTesters"]) == ("reserved", 1000, "Go left")
    assert order["id"] not in [one["id"] for one in ada.get("/playtests/me/available?limit=100")["playtests"]]
    missing = ada.refused(
        "POST", f"/playtests/slots/{slot['id']}/submit", {"uploadId": str(uuid.uuid4())}, status=409
    )
    assert missing["reason"] == "upload_missing"
    submitted = ada.submit(slot["id"], notes="Found a bug in level 3")
    assert submitted["status"] == "submitted"
    rows = owner.get("/playtests/submissions?limit=100")["submissions"]
    row = next(row for row in rows if row["slot"]["id"] == slot["id"])
    assert (row["slot"]["reservedBy"], row["submission"]["videoFileSize"]) == (ada.playtester_id, len(VIDEO))
    assert (row["awaitingAdminApproval"], row["blockedReport"], row["transcription"]) == (False, None, None)
    url = owner.get(f"/playtests/slots/{slot['id']}/download-url")
    assert plain_http.get(url["downloadUrl"], timeout=30).content == VIDEO
    owner.refused("GET", f"/playtests/slots/{slot['id']}/transcript", status=404)
    accepted = owner.post(f"/playtests/slots/{slot['id']}/accept", {"rating": 4, "comment": "Fine"})
    assert accepted == {"message": "Submission accepted"}
    found = owner.get(f"/playtests/slots/{slot['id']}")["slot"]
    assert (found["status"], found["rating"]) == ("accepted", {"score": 4, "comment": "Fine"})
    assert found["game"]["name"]
    assert found["playtest"] == {
        "id": order["id"],
        "visibility": "private",
        "durationMinutes": 60,
        "playerCount": 1,
    }
    assert owner.post(f"/playtests/slots/{slot['id']}/rating", {"score": 5}) == {
        "message": "Submission rated"
    }
    money = owner.playtest(order["id"])["money"]
    assert money == {
        "paidCents": 4000,
        "heldCents": 2000,
        "payoutCents": 1000,
        "feeCents": 1000,
        "creditedCents": 0,
    }
    me = ada.get("/playtests/me")
    assert (me["balanceCents"], me["acceptedCount"], me["ratingAverage"]) == (1000, "1", "5.00")
    earned = ada.get("/playtests/me/earnings")["earnings"]
    assert [(row["type"], row["amountCents"], row["slotId"]) for row in earned] == [
        ("payout_earned", 1000, slot["id"])
    ]
    cancelled = owner.post(f"/playtests/{order['id']}/cancel")["playtest"]
    assert cancelled["money"]["creditedCents"] == 2000
    assert owner.refused("POST", f"/playtests/{order['id']}/pay", status=409)["reason"] == "wrong_status"


def test_each_playtester_sees_their_own_key_alone_and_owners_none(
    owner: Owner, ada: Playtester, brendan: Playtester
) -> None:
    keys = [f"KEY-{uuid.uuid4()}" for _ in range(3)]
    order = owner.order(quantity=2, keysForTesters=keys)
    first, second = ada.claim(order["id"]), brendan.claim(order["id"])
    assert [first["gameKey"], second["gameKey"]] == keys[:2]
    assert ada.get(f"/playtests/me/slots/{first['id']}")["slot"]["gameKey"] == keys[0]
    ada.refused("GET", f"/playtests/me/slots/{second['id']}", status=404)
    gone = ada.post(f"/playtests/slots/{first['id']}/abandon")["slot"]
    assert (gone["status"], gone["gameKey"], gone["notesForTesters"]) == ("cancelled", None, None)
    for path in (f"/playtests/{order['id']}", f"/playtests/{order['id']}/slots", "/playtests/submissions"):
        assert not any(key in owner.call("GET", path).text for key in keys)
    changed = owner.call(
        "PATCH", f"/playtests/{order['id']}", {"notesForTesters": None, "keysForTesters": ["another"]}
    )
    assert changed.status_code == 200
    assert changed.json()["data"]["playtest"]["notesForTesters"] is None
    again = owner.refused("PATCH", f"/playtests/{order['id']}", {"keysForTesters": [keys[0]]}, status=422)
    assert again["details"][0]["field"] == "keysForTesters"


def test_a_blocked_slot_is_unblocked_rejected_and_tried_again(owner: Owner, ada: Playtester) -> None:
    order = owner.order(durationMinutes=30)
    slot = ada.claim(order["id"])
    report = {"reasonCode": "crash", "notes": "It closes."}
    blocked = ada.post(f"/playtests/slots/{slot['id']}/block", report)["slot"]
    assert blocked["blockedReport"]["reasonCode"] == "crash"
    assert owner.playtest(order["id"])["slots"]["blocked"] == 1
    assert owner.post(f"/playtests/slots/{slot['id']}/unblock") == {"message": "Slot unblocked"}
    assert ada.submit(slot["id"])["status"] == "submitted"
    body = {"reason": "Too short", "allowRetry": True}
    said = owner.post(f"/playtests/slots/{slot['id']}/reject", body)
    assert said == {"message": "Submission rejected - playtester can try again"}
    (retry,) = (one for one in owner.slots(order["id"]) if one["status"] == "reserved")
    assert retry["previousSlotId"] == slot["id"]
    assert retry["playtester"]["id"] == ada.playtester_id
    old = owner.get(f"/playtests/slots/{slot['id']}")["slot"]
    assert old["rejection"]["reason"] == "Too short"
    ada.submit(retry["id"])
    assert owner.post(f"/playtests/slots/{retry['id']}/reject") == {"message": "Submission rejected"}
    assert owner.playtest(order["id"])["status"] == "completed"
    notices = ada.get("/playtests/me/notices?limit=100")["notices"]
    told = {row["slotId"]: row["message"] for row in notices if row["type"] == "slot-rejected"}
    assert (told[slot["id"]], told[retry["id"]]) == ("Too short", None)


def test_uploads_have_a_type_a_size_and_a_number(owner: Owner, brendan: Playtester) -> None:
    slot = brendan.claim(owner.order()["id"])["id"]
    path = f"/playtests/slots/{slot}/upload-url"
    for body, field in (
        ({"size": 20 * 2**30 + 1, "contentType": "video/mp4"}, "size"),
        ({"size": 0, "contentType": "video/mp4"}, "size"),
        ({"size": 5, "contentType": "image/png"}, "contentType"),
        ({"size": 2**21, "contentType": "text/plain"}, "size"),
    ):
        error = brendan.refused("POST", path, body, status=422)
        assert [one["field"] for one in error["details"]] == [field]
    brendan.post(path, {"size": 20 * 2**30, "contentType": "video/x-anything"})
    uploads = [brendan.upload(slot, b"x") for _ in range(20)]
    full = brendan.refused("POST", path, {"size": 1, "contentType": "video/mp4"}, status=409)
    assert full["reason"] == "too_many_uploads"
    other = {"uploadId": uploads[0], "transcriptUploadId": uploads[1]}
    missing = brendan.refused("POST", f"/playtests/slots/{slot}/submit", other, status=409)
    assert missing["reason"] == "upload_missing"
    submitted = brendan.post(f"/playtests/slots/{slot}/submit", {"uploadId": uploads[7]})["slot"]
    assert submitted["submission"]["videoFileSize"] == 1
    late = brendan.refused("POST", path, {"size": 1, "contentType": "video/mp4"}, status=409)
    assert late["reason"] == "wrong_status"


def test_a_playtester_s_own_transcript_is_read_by_the_owner(owner: Owner, ada: Playtester) -> None:
    slot = ada.claim(owner.order()["id"])["id"]
    text = b"Welcome to the tutorial."
    ids = {"uploadId": ada.upload(slot), "transcriptUploadId": ada.upload(slot, text, "text/plain")}
    ada.post(f"/playtests/slots/{slot}/submit", ids)
    found = owner.get(f"/playtests/slots/{slot}/transcript")
    assert (found["version"], found["filename"]) == ("uploaded", "transcript-uploaded.txt")
    assert plain_http.get(found["downloadUrl"], timeout=30).content == text
    detail = owner.get(f"/playtests/slots/{slot}")["slot"]["transcription"]
    assert (detail["status"], detail["selectedVersion"], detail["keyTakeaways"]) == (
        "approved",
        "uploaded",
        [],
    )


def test_a_pool_is_reviewed_and_the_last_slot_rejects_the_rest(
    world: World, questlog_stack: QuestlogStack, owner: Owner, ada: Playtester, brendan: Playtester
) -> None:
    cleo = new_playtester(world, questlog_stack)
    order = owner.order(selectionMode="manual", qualifications="Own a Quest 3", quantity=1)
    assert order["applicationsExpireAt"] is not None
    path = f"/playtests/{order['id']}"
    ada.refused("POST", f"{path}/claim", status=400)
    ada.call("PATCH", "/playtests/me", {"displayName": "Ada", "gamingExperience": "VR"})
    made = [one.apply(order["id"], f"I am {one.playtester_id}") for one in (ada, brendan, cleo)]
    again = ada.refused("POST", f"{path}/apply", {"qualificationsResponse": "again"}, status=409)
    assert again["reason"] == "already_claimed"
    pool = owner.get(f"{path}/applications")
    assert pool["counts"] == {"approvedCount": 0, "pendingCount": 3, "slotsRemaining": 1}
    assert [one["id"] for one in pool["applications"]] == [one["id"] for one in reversed(made)]
    first = pool["applications"][-1]
    assert (first["displayName"], first["gamingExperience"]) == ("Ada", "VR")
    assert first["qualificationsResponse"] == f"I am {ada.playtester_id}"
    withdrawn = cleo.post(f"/playtest-applications/{made[2]['id']}/withdraw")["application"]
    assert withdrawn["status"] == "withdrawn"
    page = owner.call("GET", f"{path}/applications?limit=1").json()
    assert [one["id"] for one in page["data"]["applications"]] == [made[1]["id"]]
    approved = owner.post(f"/playtests/playtest-applications/{made[0]['id']}/approve")
    assert approved["slotsRemaining"] == 0
    assert approved["application"]["assignedSlotId"] == approved["assignedSlotId"]
    rest = owner.call("GET", f"{path}/applications?limit=2&cursor={page['meta']['cursor']}").json()
    assert [one["id"] for one in rest["data"]["applications"]] == [made[0]["id"], made[2]["id"]]
    states = {one["id"]: one["status"] for one in owner.get(f"{path}/applications")["applications"]}
    assert list(map(states.get, (one["id"] for one in made))) == ["approved", "auto_rejected", "withdrawn"]
    gone = owner.refused("POST", f"/playtest-applications/{made[1]['id']}/reject", status=409)
    assert gone["reason"] == "not_pending"
    own = ada.get("/playtests/me/applications")["applications"][0]
    assert (own["status"], own["requestId"]) == ("approved", order["id"])


def test_a_personal_note_is_told_verbatim_and_a_rejected_applicant_is_not_taken_again(
    owner: Owner, brendan: Playtester
) -> None:
    order = owner.order(selectionMode="manual", quantity=1)
    made = brendan.apply(order["id"], "I own a Quest 3")
    note = " You were close,\nnext round? <b>"
    path = f"/playtests/playtest-applications/{made['id']}/reject"
    rejected = owner.post(path, {"customMessage": note})["application"]
    assert (rejected["status"], rejected["reviewedAt"] is None) == ("rejected", False)
    newest = brendan.get("/playtests/me/notices")["notices"][0]
    about = (newest["type"], newest["playtestId"], newest["applicationId"], newest["message"])
    assert about == ("application-rejected", order["id"], made["id"], note)
    again = {"qualificationsResponse": "again"}
    refused = brendan.refused("POST", f"/playtests/{order['id']}/apply", again, status=409)
    assert refused["reason"] == "already_claimed"
    assert owner.playtest(order["id"])["slots"]["open"] == 1


def test_the_dashboard_counts_games_active_playtests_and_what_waits_for_review(
    owner: Owner, ada: Playtester
) -> None:
    """An order of one slot is completed with it, and counts while it runs."""
    path = "/playtests/dashboard/stats"
    before = owner.get(path)

    def moved(active: int, reviews: int) -> dict[str, int]:
        return {
            "totalGames": before["totalGames"],
            "activePlaytests": before["activePlaytests"] + active,
            "pendingReviews": before["pendingReviews"] + reviews,
        }

    assert before["totalGames"] > 0
    owner.post("/games/relay/playtests", {}, status=201)
    assert owner.get(path) == moved(0, 0)
    slot = ada.claim(owner.order()["id"])["id"]
    assert owner.get(path) == moved(1, 0)
    ada.submit(slot)
    assert owner.get(path) == moved(1, 1)
    owner.post(f"/playtests/slots/{slot}/accept")
    assert owner.get(path) == moved(0, 0)


def test_a_free_trial_is_offered_once_approved_and_given_back_once_declined(
    owner: Owner, ada: Playtester, operator: Client
) -> None:
    assert owner.get("/games/doom/playtests")["eligibleForFreeTrial"]
    made = owner.post("/games/doom/playtests", {"isFreePublicTrial": True}, status=201)
    order = made["playtest"]
    assert (made["needsAdminApproval"], len(made["slots"]), order["visibility"]) == (True, 1, "public")
    assert (order["status"], order["costPerSlotCents"], order["durationMinutes"]) == ("active", 0, 30)
    assert not owner.get("/games/doom/playtests")["eligibleForFreeTrial"]
    second = owner.refused("POST", "/games/doom/playtests", {"isFreePublicTrial": True}, status=409)
    assert second["reason"] == "trial_used"
    ada.refused("POST", f"/playtests/{order['id']}/claim", status=404)
    for stranger in (owner, ada, Client(owner.world, "")):
        stranger.refused("POST", f"/playtests/{order['id']}/trial/decline", status=401)
    declined = operator.post(f"/playtests/{order['id']}/trial/decline")["playtest"]
    assert (declined["status"], declined["needsAdminApproval"]) == ("cancelled", False)
    order = owner.post("/games/doom/playtests", {"isFreePublicTrial": True}, status=201)["playtest"]
    key = str(uuid.uuid4())
    approved = operator.post(f"/playtests/{order['id']}/trial/approve", key=key)["playtest"]
    assert operator.post(f"/playtests/{order['id']}/trial/approve", key=key)["playtest"] == approved
    assert not approved["needsAdminApproval"]
    slot = ada.claim(order["id"])
    ada.submit(slot["id"])
    owner.post(f"/playtests/slots/{slot['id']}/accept")
    assert owner.get(f"/playtests/slots/{slot['id']}")["slot"]["status"] in {"publishing", "accepted"}


def test_an_event_of_the_provider_ends_a_payment_once(owner: Owner, world: World) -> None:
    order = owner.post("/games/relay/playtests", {}, status=201)["playtest"]
    body = {"amountCents": 2000, "playtestId": order["id"]}
    made = owner.post("/billing/credit", body, status=201)
    assert made["checkoutUrl"] is None
    payment = made["paymentId"]
    assert provider_event(world, payment, 2000, at_s=int(time.time()) - 301).status_code == 401
    assert provider_event(world, payment, 2001).json()["error"]["reason"] == "amount_mismatch"
    assert provider_event(world, str(uuid.uuid4()), 2000).status_code == 404
    for _ in range(2):
        assert provider_event(world, payment, 2000).json()["data"]["status"] == "completed"
    assert provider_event(world, payment, 2000, "payment.failed").status_code == 409
    assert owner.playtest(order["id"])["status"] == "active"
    found = owner.get(f"/billing/payments/{payment}")["payment"]
    assert (found["status"], found["externalId"], found["playtestId"]) == ("completed", "ch_1", order["id"])
    listed = {row["id"]: row for row in owner.get("/billing/payments?limit=100")["payments"]}
    assert listed[payment] == found
    ledger = owner.get("/billing/ledger?limit=2")["ledger"]
    assert {(row["type"], row["amountCents"]) for row in ledger} == {("paid", -2000), ("top_up", 2000)}


def test_too_little_credit_is_402_and_not_remembered(world: World, questlog_stack: QuestlogStack) -> None:
    del questlog_stack
    poor = Owner(world, world.other["keys"]["wpg_sk"])
    before = poor.get("/games/other-game/playtests")["playtests"]
    have = poor.get("/billing/balance")["balanceCents"]
    key = str(uuid.uuid4())
    body = {"payFromCredit": True, "quantity": 100, "durationMinutes": 180, "playerCount": 8}
    refused = poor.refused("POST", "/games/other-game/playtests", body, status=402, key=key)
    assert (refused["code"], refused["balanceCents"], refused["requiredCents"]) == (
        "PAYMENT_REQUIRED",
        have,
        3_300_000,
    )
    assert poor.get("/games/other-game/playtests")["playtests"] == before
    for _ in range(4):
        poor.top_up(1_000_000)
    made = poor.post("/games/other-game/playtests", body, status=201, key=key)
    assert (made["requiresPayment"], len(made["slots"])) == (False, 100)


def test_a_retry_answers_the_same_data_and_another_body_is_refused(owner: Owner, ada: Playtester) -> None:
    key = str(uuid.uuid4())
    body = {"payFromCredit": True, "notesForTesters": "first", "keysForTesters": [str(uuid.uuid4())]}
    owner.order()
    first = owner.call("POST", "/games/relay/playtests", body, key=key)
    order = first.json()["data"]["playtest"]["id"]
    owner.call("PATCH", f"/playtests/{order}", {"notesForTesters": "second"})
    claim = ada.call("POST", f"/playtests/{order}/claim", key=key)
    owner.call("PATCH", f"/playtests/{order}", {"notesForTesters": "third"})
    game = world_game(owner)
    for again, made in (
        (owner.call("POST", "/games/relay/playtests", body, key=key), first),
        (owner.call("POST", f"/games/{game}/playtests", body, key=key), first),
        (ada.call("POST", f"/playtests/{order}/claim", key=key), claim),
    ):
        assert (again.status_code, again.headers["idempotency-key"]) == (201, key)
        assert data_of(again) == data_of(made)
        assert again.json()["meta"]["requestId"] != made.json()["meta"]["requestId"]
    assert claim.json()["data"]["slot"]["notesForTesters"] == "second"
    other = owner.refused("POST", "/games/relay/playtests", {"quantity": 2}, status=422, key=key)
    assert other["code"] == "IDEMPOTENCY_MISMATCH"
    slot = claim.json()["data"]["slot"]["id"]
    upload = {"size": 100, "contentType": "video/mp4"}
    urls = [ada.call("POST", f"/playtests/slots/{slot}/upload-url", upload, key=key) for _ in range(2)]
    assert data_of(urls[0]) == data_of(urls[1])
    changed = ada.refused(
        "POST", f"/playtests/slots/{slot}/upload-url", upload | {"size": 101}, status=422, key=key
    )
    assert changed["code"] == "IDEMPOTENCY_MISMATCH"


def world_game(owner: Owner) -> str:
    found: str = owner.world.game("relay")["id"]
    return found


def data_of(response: httpx.Response) -> bytes:
    """The bytes of `data`."""
    return response.content[: response.content.rindex(b',"meta":')]


def test_pages_have_no_row_twice_and_none_that_came_meanwhile(owner: Owner) -> None:
    made = [owner.post("/games/relay/playtests", {}, status=201)["playtest"]["id"] for _ in range(5)]
    seen: list[str] = []
    path = "/games/relay/playtests?limit=2"
    page = owner.call("GET", path).json()
    for _ in range(20):
        seen += [one["id"] for one in page["data"]["playtests"]]
        owner.post("/games/relay/playtests", {}, status=201)
        if made[0] in seen or not page["meta"]["hasMore"]:
            break
        page = owner.call("GET", f"{path}&cursor={page['meta']['cursor']}").json()
    assert len(set(seen)) == len(seen)
    assert seen[:5] == made[::-1]


def test_ids_of_everything_are_uuids(owner: Owner, ada: Playtester) -> None:
    text = json.dumps([owner.get("/playtests/submissions?status=accepted"), ada.get("/playtests/me/slots")])
    found = re.findall(r'"(?:id|requestId|reservedBy|previousSlotId)": "([^"]+)"', text)
    assert found
    games = {world_game(owner), owner.world.game("doom")["id"]}
    assert all(UUID.fullmatch(one) for one in found if one not in games)


def test_a_change_of_nothing_is_answered_again_as_it_was(owner: Owner) -> None:
    order = owner.order(quantity=1, notesForTesters="as ordered")
    path = f"/playtests/{order['id']}"

    def change(body: dict[str, str], key: str | None = None) -> bytes:
        answer = owner.call("PATCH", path, body, key=key)
        assert answer.status_code == 200, answer.text
        return answer.content.partition(b',"meta":')[0]

    for nothing in ({}, {"notesForTesters": "as ordered"}):
        key = str(uuid.uuid4())
        first = change(nothing, key)
        assert b"as ordered" in first
        change({"notesForTesters": "others"})
        assert change(nothing, key) == first
        change({"notesForTesters": "as ordered"})
