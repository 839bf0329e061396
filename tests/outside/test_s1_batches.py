"""S1's reads of key batches and handles from outside: fields, order, pages, refusals, other tenants."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.outside.batches import OPEN, PRESS, BatchStudio, Person
from tests.outside.world import Json, World, eventually, unique
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack

AGENT = "Mozilla/5.0 (test)"
READS = (
    "/batches/{game}",
    "/batches/{game}/{batch}",
    "/batches/{game}/{batch}/keys",
    "/batches/{game}/{batch}/invites",
    "/handles/{game}",
)


@pytest.fixture(scope="module")
def studio(
    world: World, questlog_stack: QuestlogStack, tmp_path_factory: pytest.TempPathFactory
) -> BatchStudio:
    """Three codes, two of them of people who were invited, one of whom redeemed; two minted keys."""
    made = BatchStudio(world, questlog_stack, tmp_path_factory.mktemp("batches"))
    made.add("ptb_press", "AAAA-1", "AAAA-2", "AAAA-3")
    links = made.invite("ptb_press", "ann@example.com", "bob@example.com")
    made.keys("mint", "arena", "ptb_open", "2")
    ann = Person(**{"user-agent": AGENT})
    assert "Come and play" in ann.http.get(links["ann@example.com"]).text
    answer = ann.redeem(links["ann@example.com"], handle="Ann-Press", email="ann@example.com")
    assert answer.status_code == 200, answer.text
    assert answer.json()["key"] == "AAAA-1"
    return made


def now_ms() -> int:
    return int(time.time() * 1000)


def test_batches_are_listed_with_what_their_keys_are_now(studio: BatchStudio) -> None:
    listed = studio.get("/batches/arena")
    assert listed["game"] == studio.game
    assert (listed["hasMore"], listed["total"]) == (False, 2)
    by_id = {batch["id"]: batch for batch in listed["batches"]}
    press, public = by_id["ptb_press"], by_id["ptb_open"]
    assert press == {
        "id": "ptb_press",
        "name": "Press",
        "distribution_target": "steam",
        "fulfillment_source": "studio-uploaded",
        "redemption_mode": "invite",
        "identity_mode": "handle+email",
        "share_token": None,
        "key_count": 3,
        "redeemed_count": 1,
        "revoked_count": 0,
        "expires_at": None,
        "created_at": press["created_at"],
    }
    assert 0 < now_ms() - press["created_at"] < 600_000
    assert public["share_token"] == studio.share().rpartition("/")[2]
    one = studio.get("/batches/arena/ptb_press")
    assert one == {"game": studio.game, "batch": {**press, "instructions": PRESS["instructions"]}}
    assert studio.get(f"/batches/{studio.game['id']}/ptb_open")["batch"]["instructions"] is None


def test_keys_say_who_redeemed_them_and_never_their_code(studio: BatchStudio) -> None:
    response = studio.read("/batches/arena/ptb_press/keys")
    listed = response.json()
    assert listed["batch"] == {"id": "ptb_press", "name": "Press"}
    assert (listed["hasMore"], listed["total"]) == (False, 3)
    redeemed, reserved, available = listed["keys"]
    invites = {one["email"]: one for one in studio.get("/batches/arena/ptb_press/invites")["invites"]}
    assert redeemed == {
        "id": redeemed["id"],
        "status": "redeemed",
        "redeemed_at": redeemed["redeemed_at"],
        "redeemed_by_email": "ann@example.com",
        "redeemed_by_handle": "Ann-Press",
        "redemption_country": None,
        "redemption_user_agent": AGENT,
        "tester_invite_id": invites["ann@example.com"]["id"],
        "created_at": redeemed["created_at"],
    }
    assert redeemed["id"].startswith("ptk_")
    assert (reserved["status"], reserved["tester_invite_id"]) == (
        "reserved",
        invites["bob@example.com"]["id"],
    )
    assert (available["status"], available["tester_invite_id"]) == ("available", None)
    for key in (reserved, available):
        assert {key[name] for name in key if name.startswith("rede")} == {None}
    assert "AAAA" not in response.text


def test_invites_have_a_time_for_each_step(studio: BatchStudio) -> None:
    listed = studio.get("/batches/arena/ptb_press/invites")
    assert (listed["batch"]["id"], listed["total"]) == ("ptb_press", 2)
    by_email = {one["email"]: one for one in listed["invites"]}
    ann, bob = by_email["ann@example.com"], by_email["bob@example.com"]
    assert ann.keys() == {"id", "email", "personal_note", "sent_at", "opened_at", "redeemed_at"}
    assert ann["id"].startswith("tvi_")
    assert ann["personal_note"] == "Come and play"
    assert ann["sent_at"] <= ann["opened_at"] <= ann["redeemed_at"]
    assert (bob["opened_at"], bob["redeemed_at"]) == (None, None)
    assert studio.get("/batches/arena/ptb_open/invites")["invites"] == []


def test_lists_are_sorted_and_cut(studio: BatchStudio) -> None:
    path = "/batches/arena/ptb_press/keys"
    keys = [key["id"] for key in studio.get(path)["keys"]]
    first = studio.get(path, limit=2)
    assert ([key["id"] for key in first["keys"]], first["hasMore"], first["total"]) == (keys[:2], True, 3)
    second = studio.get(path, limit=2, offset=2)
    assert ([key["id"] for key in second["keys"]], second["hasMore"]) == (keys[2:], False)
    assert studio.get(path, limit=10**9, offset=10**9)["keys"] == []
    for order in ("asc", "desc"):  # who has no value comes last in both directions
        assert studio.get(path, sort="redeemed_at", order=order)["keys"][0]["id"] == keys[0]
    statuses = [key["status"] for key in studio.get(path, sort="status", order="desc")["keys"]]
    assert statuses == ["reserved", "redeemed", "available"]
    names = [batch["name"] for batch in studio.get("/batches/arena", sort="name", order="asc")["batches"]]
    assert names == ["Open weekend", "Press"]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"offset": "-1"}, "offset"),
        ({"offset": "1.5"}, "offset"),
        ({"sort": "code"}, "sort"),
        ({"order": "up"}, "order"),
    ],
)
def test_parameters_that_are_not_right_are_named(
    studio: BatchStudio, query: dict[str, str], path: str
) -> None:
    for template in READS:
        if template.endswith("{batch}"):
            continue
        response = studio.read(template.format(game="arena", batch="ptb_press"), **query)
        assert response.status_code == 400, response.text
        (issue,) = response.json()["issues"]
        assert issue["path"] == [path]
    # What is wrong with the query is said before the game is looked for, as in all of S1.
    assert studio.read("/batches/nobody", **query).status_code == 400


def test_what_is_not_there_and_what_is_another_s_are_answered_alike(
    world: World, studio: BatchStudio
) -> None:
    """Every kind of id that names nothing of the caller's, for every key that may read at all."""
    theirs = world.game("doom")
    mine = studio.game["id"]
    for template in READS:
        asked = [(game, studio.management) for game in (theirs["id"], "nobody", "doom", "ptb_press")]
        asked += [(mine, key) for key in (world.keys["pl_mgmt"], world.other["keys"]["pl_mgmt"])]
        answers = {
            (response.status_code, response.content)
            for game, key in asked
            for response in [world.read("/api/v1" + template.format(game=game, batch="ptb_press"), key=key)]
        }
        assert answers == {(404, b'{"error":"Game not found"}')}
        if "{batch}" not in template:
            continue
        others = {
            studio.read(template.format(game="arena", batch=batch)).content
            for batch in ("ptb_other", unique("ptb_"), "ptk_x", mine)
        }
        assert others == {b'{"error":"Batch not found"}'}


def test_keys_of_other_kinds_are_refused_in_s1_s_words(world: World, studio: BatchStudio) -> None:
    for template in READS:
        path = f"/api/v1{template.format(game='arena', batch='ptb_press')}"
        assert world.http.get(path).json() == {"error": "Missing bearer token"}
        unknown = world.read(path, key="pl_mgmt_nobody")
        assert (unknown.status_code, unknown.json()) == (401, {"error": "Invalid key"})
        owner = world.read(path, key=world.keys["wpg_sk"])
        assert (owner.status_code, owner.json()) == (401, {"error": "Invalid key"})
        ingest = world.read(path, key=studio.ingest_key)
        assert (ingest.status_code, ingest.json()["requiredScope"]) == (403, "management")
        assert world.http.post(path).status_code == 405


def test_an_expired_batch_s_keys_expire_but_for_those_that_were_redeemed(studio: BatchStudio) -> None:
    ends_at = now_ms() - 1
    over = {**OPEN, "id": "ptb_over", "expiresAt": "2099-01-01T00:00:00Z", "identityMode": "anonymous"}
    studio.define(PRESS, OPEN, over)
    eventually(lambda: studio.get("/batches/arena")["total"], lambda total: total == 3)
    studio.keys("mint", "arena", "ptb_over", "3")
    link = studio.share("ptb_over")
    assert Person().redeem(link).status_code == 200
    ids = [key["id"] for key in studio.get("/batches/arena/ptb_over/keys")["keys"]]
    studio.keys("revoke", "arena", "ptb_over", ids[1])
    iso = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends_at // 1000))
    studio.define(PRESS, OPEN, {**over, "expiresAt": iso})
    batch = eventually(
        lambda: studio.get("/batches/arena/ptb_over")["batch"],
        lambda found: found["expires_at"] == ends_at // 1000 * 1000,
    )
    assert (batch["key_count"], batch["redeemed_count"], batch["revoked_count"]) == (3, 1, 1)
    statuses = [key["status"] for key in studio.get("/batches/arena/ptb_over/keys")["keys"]]
    assert statuses == ["redeemed", "revoked", "expired"]
    assert Person().redeem(link).status_code == 410
    studio.define(PRESS, OPEN)


def handles(studio: BatchStudio, **params: object) -> dict[str, Json]:
    return {row["handle"]: row for row in studio.get("/handles/arena", **params)["handles"]}


def test_sessions_show_the_handle_that_their_device_was_linked_to(studio: BatchStudio) -> None:
    """Before, while and after the link, whether telemetry or link came first; `/handles` adds them up."""
    device = unique("device_")
    before, late, after, gone = (unique("sess_") for _ in range(4))
    began = now_ms() - 60_000
    studio.play(before, device, began, began + 10_000, testerHandle="as-sent")
    # Its time is after the link's, which does not exist yet: the device's clock is ahead.
    ahead = now_ms() + 120_000
    studio.play(late, device, ahead, ahead + 20_000)
    eventually(lambda: studio.read(f"/sessions/{late}").status_code, lambda status: status == 200)
    link = studio.linked("Dora", device)
    studio.play(after, device, link["claimedAt"], link["claimedAt"] + 5_000, link["claimedAt"] + 60_000)

    def shown(session: str) -> Any:
        answer = studio.read(f"/sessions/{session}")
        return answer.json()["session"]["testerHandle"] if answer.status_code == 200 else None

    expected = {before: "as-sent", late: "Dora", after: "Dora"}
    eventually(lambda: {session: shown(session) for session in expected}, lambda found: found == expected)
    found = studio.get("/sessions", game="arena", q="dora")
    assert {item["id"] for item in found["items"]} == {late, after}
    assert {item["testerHandle"] for item in found["items"]} == {"Dora"}
    listed = {item["id"]: item["testerHandle"] for item in studio.get("/sessions", q="AS-SENT")["items"]}
    assert listed == {before: "as-sent"}
    tester = studio.get(f"/testers/arena/{device}")
    assert {one["id"]: one["testerHandle"] for one in tester["sessions"]} == expected
    row = eventually(lambda: handles(studio).get("Dora", {}), lambda row: row.get("session_count") == 2)
    keys = {key["redeemed_by_handle"]: key for key in studio.get("/batches/arena/ptb_open/keys")["keys"]}
    assert row == {
        "id": row["id"],
        "handle": "Dora",
        "key_id": keys["Dora"]["id"],
        "device_id": device,
        "claimed_at": link["claimedAt"],
        "session_count": 2,
        "total_play_time_ms": 25_000,
        "last_seen_at": ahead + 20_000,
        "distinct_countries": 0,
        "created_at": keys["Dora"]["redeemed_at"],
    }
    assert row["id"].startswith("pth_")
    assert studio.claim(link["token"], device, method="DELETE").json() == {"ok": True, "unlinked": True}
    unlinked_at = now_ms()
    eventually(lambda: shown(late), lambda handle: handle == device)  # it begins after the link's end
    studio.play(gone, device, unlinked_at + 1000)
    eventually(lambda: shown(gone), lambda handle: handle == device)
    assert shown(after) == "Dora"
    row = eventually(lambda: handles(studio)["Dora"], lambda row: row["session_count"] == 1)
    assert (row["total_play_time_ms"], row["last_seen_at"]) == (5_000, link["claimedAt"] + 60_000)


def test_scripts_read_what_commands_did(studio: BatchStudio) -> None:
    (studio.folder / "more.txt").write_text("BBBB-1\nAAAA-1\n")
    words = ("import", "arena", "ptb_press", str(studio.folder / "more.txt"), "--json")
    assert json.loads(studio.keys(*words)) == {"imported": 1, "skipped_lines": [2]}
    assert json.loads(studio.keys("mint", "arena", "ptb_open", "1", "--json")) == {"minted": 1}
    last = studio.get("/batches/arena/ptb_open/keys")["keys"][-1]["id"]
    assert json.loads(studio.keys("revoke", "arena", "ptb_open", last, "--json")) == {"revoked": 1}
    assert json.loads(studio.keys("share", "arena", "ptb_open", "--json")) == {"share_url": studio.share()}
