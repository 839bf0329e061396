"""What S2 refuses, in which order, in one shape; and how often a key may call."""

from __future__ import annotations

import itertools
import re
import uuid
from typing import Any

import httpx
import pytest

from tests.outside.playtests import Client, Owner, Playtester, new_key
from tests.outside.world import World, burst
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack
Json = dict[str, Any]
NOBODY = "00000000-0000-4000-8000-000000000000"
SLOT = f"/playtests/slots/{NOBODY}"
LARGE = b'{"reason": "' + b"x" * (256 * 1024) + b'"}'


def checked(response: httpx.Response, status: int, code: str) -> Json:
    """The error of a refusal that has S2's shape and headers."""
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"error", "meta"}
    assert set(body["meta"]) == {"requestId", "timestamp"}
    assert re.fullmatch(r"req_[0-9a-f]{12}", body["meta"]["requestId"])
    assert response.headers["x-request-id"] == body["meta"]["requestId"]
    assert body["error"]["code"] == code
    assert body["error"]["message"]
    for name in ("limit", "remaining", "reset"):
        assert response.headers[f"x-ratelimit-{name}"].isdigit()
    assert "server" not in body["error"]["message"].lower()
    error: Json = body["error"]
    return error


def test_who_has_no_key_of_s2_is_401_on_every_path(world: World) -> None:
    keys = ["", "wpg_sk_nobody", "wpg_pt_" + "0" * 40, "x" * 2000, *map(str, (world.keys["pl_mgmt"],))]
    paths = [("GET", "/playtests/submissions"), ("POST", f"{SLOT}/accept"), ("GET", "/playtests/none/at/all")]
    for index, key in enumerate(keys):
        method, path = paths[index % len(paths)]
        checked(Client(world, key).call(method, path), 401, "UNAUTHORIZED")
    basic = world.http.get("/api/v1/playtests/submissions", headers={"authorization": f"Basic {keys[1]}"})
    checked(basic, 401, "UNAUTHORIZED")


def test_a_key_of_the_other_scope_is_403_and_told_which(owner: Owner, ada: Playtester) -> None:
    for method, path in (
        ("GET", "/playtests/submissions"),
        ("GET", "/billing/balance"),
        ("POST", f"{SLOT}/accept"),
        ("PATCH", f"/playtests/{NOBODY}"),
        ("POST", f"/playtest-applications/{NOBODY}/approve"),
    ):
        found = checked(ada.call(method, path), 403, "FORBIDDEN")
        assert found["requiredScope"] == "game_owner"
    for method, path in (
        ("GET", "/playtests/me"),
        ("POST", f"/playtests/{NOBODY}/claim"),
        ("POST", f"{SLOT}/submit"),
    ):
        found = checked(owner.call(method, path), 403, "FORBIDDEN")
        assert found["requiredScope"] == "playtester"


def test_what_is_unknown_is_404_and_a_method_that_a_path_has_not_405(owner: Owner) -> None:
    for path in (
        "/playtests",
        "/playtests/",
        "/billing",
        "/billing/nothing",
        f"{SLOT}/nothing",
        "/playtests/a/b/c/d",
    ):
        checked(owner.call("GET", path), 404, "NOT_FOUND")
        checked(owner.call("POST", path, {}), 404, "NOT_FOUND")
    for method, path, allow in (
        ("DELETE", f"/playtests/{NOBODY}", "GET, HEAD, PATCH"),
        ("PUT", "/games/doom/playtests", "GET, HEAD, POST"),
        ("POST", "/playtests/submissions", "GET, HEAD"),
        ("GET", f"{SLOT}/accept", "POST"),
        ("OPTIONS", f"{SLOT}/accept", "POST"),
        ("PATCH", f"/playtests/{NOBODY}/pay", "POST"),
    ):
        response = owner.call(method, path)
        checked(response, 405, "METHOD_NOT_ALLOWED")
        assert set(response.headers["allow"].split(", ")) >= set(allow.split(", "))


def test_checks_come_in_the_documented_order(owner: Owner, ada: Playtester) -> None:
    reject = f"{SLOT}/reject"
    checked(Client(owner.world, "").call("POST", reject, LARGE), 401, "UNAUTHORIZED")
    checked(ada.call("POST", reject, LARGE), 403, "FORBIDDEN")
    checked(owner.call("POST", reject, LARGE), 413, "PAYLOAD_TOO_LARGE")
    checked(owner.call("POST", reject, b"[1]", key="k" * 256), 400, "BAD_REQUEST")
    checked(owner.call("POST", reject, {"reason": 5}), 422, "VALIDATION_ERROR")
    checked(owner.call("POST", reject, {"reason": "fine"}), 404, "NOT_FOUND")
    checked(owner.call("POST", "/games/nothing/playtests", {"quantity": 0}), 422, "VALIDATION_ERROR")
    checked(owner.call("POST", "/games/nothing/playtests", {}), 404, "NOT_FOUND")
    checked(owner.call("GET", f"/playtests/{NOBODY}/slots?limit=0"), 422, "VALIDATION_ERROR")
    checked(owner.call("GET", f"/playtests/{NOBODY}/slots"), 404, "NOT_FOUND")
    order = owner.order()
    pay = f"/playtests/{order['id']}/pay"
    assert checked(owner.call("POST", pay), 409, "CONFLICT")["reason"] == "wrong_status"


def test_all_problems_of_a_request_are_named_at_once(owner: Owner) -> None:
    body = {
        "quantity": 0,
        "durationMinutes": 31,
        "notes": "?",
        "keysForTesters": ["", "a"],
        "qualifications": "",
    }
    found = checked(owner.call("POST", "/games/doom/playtests", body, key="k" * 256), 422, "VALIDATION_ERROR")
    assert {one["field"] for one in found["details"]} == {
        "quantity",
        "durationMinutes",
        "notes",
        "keysForTesters[0]",
        "qualifications",
        "Idempotency-Key",
    }
    assert all(set(one) == {"field", "message"} for one in found["details"])
    found = checked(
        owner.call("GET", "/playtests/submissions?limit=-1&status=x&cursor=y"), 422, "VALIDATION_ERROR"
    )
    assert {one["field"] for one in found["details"]} == {"limit", "status", "cursor"}
    unknown = {
        "targetingType": "past",
        "pastPlaytesterScope": "specific",
        "targetedPlaytesterId": str(uuid.uuid4()),
    }
    found = checked(owner.call("POST", "/games/doom/playtests", unknown), 422, "VALIDATION_ERROR")
    assert [one["field"] for one in found["details"]] == ["targetedPlaytesterId"]


def test_a_key_s_limit_is_its_studio_s_plan_s_or_a_playtester_s(
    world: World, questlog_stack: QuestlogStack, owner: Owner, ada: Playtester
) -> None:
    assert owner.call("GET", "/billing/balance").headers["x-ratelimit-limit"] == "1200"
    assert ada.call("GET", "/playtests/me").headers["x-ratelimit-limit"] == "120"
    free = Owner(world, new_key(questlog_stack, "wpg_sk", "other"))
    asked = (("GET", "/billing/balance"), ("POST", f"{SLOT}/claim"), ("GET", "/playtests/nothing"))
    turns = itertools.cycle(asked)
    answers = burst(300, lambda: free.call(*next(turns)))
    assert {one.headers["x-ratelimit-limit"] for one in answers} == {"100"}
    refused = [one for one in answers if one.status_code == 429]
    assert 1 <= len(refused) <= 200
    # One bucket for all of them: whatever is asked is refused once it is empty.
    assert {(one.request.method, one.request.url.path) for one in refused} == {
        (method, f"/api/v1{path}") for method, path in asked
    }
    for one in refused:
        found = checked(one, 429, "RATE_LIMITED")
        assert one.headers["x-ratelimit-remaining"] == "0"
        assert 0 < found["retryAfterMs"] <= 1000 * int(one.headers["retry-after"])
    other = Owner(world, world.other["keys"]["wpg_sk"])
    assert other.call("GET", "/billing/balance").status_code == 200


def test_head_is_get_without_a_body(owner: Owner) -> None:
    head, got = (owner.call(method, "/playtests/dashboard/stats") for method in ("HEAD", "GET"))
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]
