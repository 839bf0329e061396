"""Links, claims and their pages over HTTP; the real decider answers, in memory."""

from __future__ import annotations

import json
import re

import msgspec
import pytest

from schemas.playtests.batch_commands import (
    CloseBatch,
    RevokeKeys,
)
from schemas.seal import Sealer
from streams.gateway.playtests.links import CALLS_PER_MINUTE
from streams.playtests.redemption_page import markdown
from tests.schemas.telemetry.s4_samples import NOW
from tests.streams.deciders.playtests.given import GAME, STUDIO
from tests.streams.deciders.playtests.test_batches import BATCH
from tests.streams.gateway.redemption_world import AGGREGATE, SEALER, Links, code_of, cookie_of
from tests.streams.gateway.world import Answer


async def test_the_page_says_nothing_to_others_and_runs_nothing() -> None:
    links = Links(public=False, instructions="# Hi\n<script>x</script>")
    answer = await links.page()
    assert answer.status == 200
    shown = answer.headers
    assert shown["content-type"] == "text/html; charset=utf-8"
    assert (shown["cache-control"], shown["referrer-policy"]) == ("no-store", "no-referrer")
    assert "default-src 'none'" in shown["content-security-policy"]
    assert "script-src" not in shown["content-security-policy"]
    assert b"<script" not in answer.body
    assert b"Loved &lt;b&gt;your&lt;/b&gt; devlog" in answer.body
    assert b"Maze &amp; Sons" in answer.body
    assert b"width=device-width" in answer.body
    assert re.search(r"redeem=[0-9a-f]{32}; .*HttpOnly; SameSite=Lax; Secure", shown["set-cookie"])


async def test_an_invite_is_opened_redeemed_and_shown_to_its_browser_alone() -> None:
    links = Links(public=False)
    first = await links.page()
    (invite,) = links.store.decider.studio.batches[AGGREGATE].invites.values()
    assert invite.opened_at_ms == NOW
    cookie = cookie_of(first)
    redeemed = await links.form("handle=Ann&email=ann%40x", cookie)
    assert (redeemed.status, code_of(redeemed)) == (200, "KEY ONE")
    assert b"pl_tt_" in redeemed.body
    for again in (await links.page(cookie), await links.form("handle=Eve&email=eve%40x", cookie)):
        assert (again.status, code_of(again)) == (200, "KEY ONE")
    for other in (await links.page(), await links.form("handle=Eve&email=eve%40x")):
        assert other.status == 409
        assert b"KEY ONE" not in other.body


async def test_a_lost_answer_is_asked_for_again_and_another_person_gets_the_next_key() -> None:
    links = Links(identity_mode="handle")
    links.store.away = 1
    assert (await links.ask("k1", handle="Ann")).status == 503
    first = await links.ask("k1", handle="Ann")
    assert first.json()["key"] == "KEY ONE"
    assert first.json()["handle"] == "Ann"
    assert first.json()["claimToken"].startswith("pl_tt_")
    assert first.headers["cache-control"] == "no-store"
    assert (await links.ask("k1", handle="Ann")).body == first.body
    assert (await links.ask("k2", handle="Bob")).json()["key"] == "KEY TWO"
    last = await links.ask("k3", handle="Cai")
    assert (last.status, last.json()) == (409, {"error": "no_key_left"})


async def test_who_guesses_another_person_s_key_is_shown_nothing() -> None:
    links = Links(identity_mode="handle")
    assert (await links.ask("k1", handle="Ann")).json()["key"] == "KEY ONE"
    guessed = await links.ask("k1", handle="Eve")
    assert (guessed.status, guessed.json()) == (409, {"error": "idempotency_mismatch"})
    assert (await links.ask("k1", handle="ANN")).json()["key"] == "KEY ONE"
    assert (await links.ask("k2", handle="Eve")).json()["key"] == "KEY TWO"


UUID = "8c1f2f0a-6f5b-4a3e-9d51-2b7c4e0f9a63"


@pytest.mark.parametrize("guessable", ["k1", "x" * 36, UUID[:21]])
async def test_a_key_that_could_be_guessed_shows_a_game_key_to_its_own_address_alone(guessable: str) -> None:
    links = Links(identity_mode="anonymous")
    first = await links.ask(guessable, address="198.51.100.1")
    assert (first.status, first.json()["key"]) == (200, "KEY ONE")
    assert (await links.ask(guessable, address="198.51.100.1")).body == first.body
    assert (await links.ask(guessable, address="198.51.100.2")).json()["key"] == "KEY TWO"
    assert (await links.ask(guessable, address="198.51.100.1")).body == first.body


@pytest.mark.parametrize("random", [UUID, UUID[:22]])
async def test_a_key_that_can_not_be_guessed_shows_the_game_key_from_anywhere(random: str) -> None:
    links = Links(identity_mode="anonymous")
    first = await links.ask(random, address="198.51.100.1")
    assert (first.status, first.json()["key"]) == (200, "KEY ONE")
    assert (await links.ask(random, address="198.51.100.2")).body == first.body


async def test_who_has_a_link_of_their_own_may_send_any_key() -> None:
    links = Links(public=False, identity_mode="anonymous")
    first = await links.ask("k1")
    assert (first.status, (await links.ask("k1")).body) == (200, first.body)


async def test_a_taken_handle_is_told_on_the_form_and_another_may_be_tried() -> None:
    links = Links(identity_mode="handle")
    await links.ask("k1", handle="Ann")
    cookie = cookie_of(await links.page())
    taken = await links.form("handle=ann", cookie)
    assert taken.status == 409
    assert b"This handle is taken." in taken.body
    assert b'value="ann"' in taken.body
    other = cookie_of(taken)
    assert other != cookie
    assert code_of(await links.form("handle=Bob", other)) == "KEY TWO"


@pytest.mark.parametrize(
    ("mode", "fields", "status"),
    [
        ("handle", {"handle": "A"}, 400),
        ("handle", {"handle": "a b"}, 400),
        ("handle", {"handle": "x" * 33}, 400),
        ("handle", {}, 400),
        ("handle", {"handle": "x" * 32}, 200),
        ("email", {"email": "ann"}, 400),
        ("email", {"email": "ann@x"}, 200),
        ("handle+email", {"handle": "Ann"}, 400),
        ("anonymous", {}, 200),
    ],
)
async def test_what_a_batch_asks_for_has_to_be_given(mode: str, fields: dict[str, str], status: int) -> None:
    links = Links(identity_mode=mode)
    answer = await links.ask("k", **fields)
    assert answer.status == status
    page = await links.form("&".join(f"{name}={value}" for name, value in fields.items()))
    assert page.status == (400 if status == 400 else 409 if "email" in fields or "handle" in fields else 200)


async def test_one_mailbox_gets_one_key_whatever_its_case() -> None:
    links = Links(identity_mode="email")
    assert (await links.ask("k1", email="ann@x")).status == 200
    answer = await links.ask("k2", email=" Ann@X ")
    assert (answer.status, answer.json()) == (409, {"error": "email_used"})


@pytest.mark.parametrize("email", ["ann\x00@x", "ann\u200b@x", "\u202eann@x"])
async def test_an_address_with_what_nobody_sees_is_none(email: str) -> None:
    assert (await Links(identity_mode="email").ask("k1", email=email)).status == 400


async def test_a_form_that_is_not_utf_8_is_none() -> None:
    links = Links(identity_mode="email")
    assert (await links.form("email=%FFann%40x")).status == 400


async def test_a_redemption_is_shown_again_and_stays_one_across_a_change_of_the_secret() -> None:
    links = Links()
    first = await links.ask("k1", handle="Ann", email="ann@x")
    changed = Links(store=links.store, sealer=Sealer(b"another", [b"secret"]))
    assert (await changed.ask("k1", handle="Ann", email="ann@x")).body == first.body
    assert (await changed.claimed(first.json()["claimToken"])).status == 200
    again = await changed.ask("k2", handle="Bob", email="Ann@x")
    assert (again.status, again.json()) == (409, {"error": "email_used"})
    other = await changed.ask("k3", handle="Bob", email="bob@x")
    assert (other.status, other.json()["key"]) == (200, "KEY TWO")


async def test_an_invited_person_redeems_across_a_change_of_the_secret() -> None:
    links = Links(public=False)
    changed = Links(store=links.store, public=False, sealer=Sealer(b"another", [b"secret"]))
    assert (await changed.ask("k1", handle="Ann", email="ann@x")).json()["key"] == "KEY ONE"


async def test_a_key_that_was_forgotten_redeems_under_a_claim_of_its_own() -> None:
    links = Links(identity_mode="handle")
    tokens = []
    for handle in ("Ann", "Bob"):
        tokens.append((await links.ask("k1", handle=handle)).json()["claimToken"])
        links.store.outcomes.clear()
    handles = [
        (await links.claimed(token, deviceId=f"d{number}")).json()["handle"]
        for number, token in enumerate(tokens)
    ]
    assert handles == ["Ann", "Bob"]


async def test_what_is_no_link_or_none_any_more() -> None:
    links = Links(identity_mode="anonymous")
    key_id = links.store.decider.studio.batches[AGGREGATE].keys[1].state.id
    links.store.decider.given(RevokeKeys(batch_id=BATCH, key_ids=[key_id]))
    links.store.decider.given(CloseBatch(batch_id=BATCH))
    for path, status in ((links.path, 410), ("/redeem/nothing", 404), ("/redeem/%2e%2e", 404)):
        links.path = path
        page, answer = await links.page(), await links.ask()
        assert (page.status, answer.status) == (status, status)
        assert page.headers["content-type"].startswith("text/html")
        assert answer.headers["content-type"] == "application/json"
    assert (await links.call(links.path, method="PUT")).status == 405


async def test_a_revoked_key_s_invite_is_gone() -> None:
    links = Links(public=False)
    key_id = links.store.decider.studio.batches[AGGREGATE].keys[1].state.id
    links.store.decider.given(RevokeKeys(batch_id=BATCH, key_ids=[key_id]))
    assert [(await links.page()).status, (await links.ask(handle="Ann", email="ann@x")).status] == [410, 410]


async def test_nothing_of_a_person_is_in_a_command_as_it_was_sent() -> None:
    links = Links(public=False)
    await links.page(user_agent="Agent 47")
    answer = await links.call(
        links.path, b"handle=Ann&email=ann%40x", user_agent="Agent 47", cf_ipcountry="DE"
    )
    sent = b"".join(msgspec.msgpack.encode(command) for command in links.store.asked)
    for clear in (b"ann@x", b"Agent 47", b"mine\x00", code_of(answer).encode(), b"pl_tt_", b"1.2.3.4"):
        assert clear not in sent
    redemption = links.store.decider.studio.batches[AGGREGATE].keys[1].state.redemption
    assert redemption is not None
    assert redemption.user_agent is not None
    place = {"studio_id": STUDIO, "aggregate_id": AGGREGATE}
    assert SEALER.open(redemption.user_agent, field="userAgent", **place) == "Agent 47"


async def test_a_handle_is_linked_seen_and_unlinked() -> None:
    links = Links(identity_mode="handle")
    token = (await links.ask("k1", handle="Ann")).json()["claimToken"]
    path = "/api/telemetry/tester"

    async def seen(device: str, game: str = GAME) -> Answer:
        return await links.call(path, method="GET", query=f"gameId={game}&deviceId={device}")

    for unseen in ("d1\u200b", "d\n1", "d" * 129):
        assert (await links.claimed(token, deviceId=unseen)).status == 404
    linked = {"ok": True, "alreadyLinked": False, "handle": "Ann", "claimedAt": NOW}
    assert (await links.claimed(token)).json() == linked
    assert (await links.claimed(token)).json() == linked | {"alreadyLinked": True}
    assert (await seen("d1")).json() == {"linked": True, "handle": "Ann", "claimedAt": NOW}
    nobody = {"linked": False, "handle": None, "claimedAt": None}
    assert (await seen("d2")).json() == nobody
    assert (await seen("d1", "none")).status == 404
    unknown = (404, {"ok": False, "reason": "unknown"})
    refused = [
        await links.claimed("pl_tt_guess"),
        await links.claimed(token, gameId="other"),
        await links.claimed(token, deviceId="d2"),
        await links.claimed(token, deviceId=""),
        await links.claimed(token, method="DELETE", deviceId="d2"),
    ]
    for body in (b"", b"[]", b"{}", b"no JSON", json.dumps({"claimToken": 5, "gameId": GAME}).encode()):
        refused += [
            await links.call("/api/telemetry/claim", body, method=method, client="2.2.2.2")
            for method in ("POST", "DELETE")
        ]
    assert {(one.status, json.dumps(one.json())) for one in refused} == {(404, json.dumps(unknown[1]))}
    assert (await links.claimed(token, method="DELETE")).json() == {"ok": True, "unlinked": True}
    assert (await links.claimed(token, method="DELETE")).json() == {"ok": True, "unlinked": False}
    assert (await links.call("/api/telemetry/claim", method="OPTIONS")).status == 204


async def test_an_address_has_twenty_calls_a_minute() -> None:
    links = Links()
    for _ in range(CALLS_PER_MINUTE):
        assert (await links.page()).status == 200
    for refused in (await links.page(), await links.ask(handle="Ann", email="ann@x")):
        assert (refused.status, refused.headers["retry-after"]) == (429, "60")
    assert (await links.page(client="2.2.2.2")).status == 200
    for _ in range(CALLS_PER_MINUTE):
        assert (await links.claimed("x")).status == 404
    assert (await links.claimed("x")).status == 429


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# Hi", "<h1>Hi</h1>"),
        ("[a](https://x.y)", '<a href="https://x.y" rel="noopener noreferrer nofollow">a</a>'),
        ("[a](javascript:alert)", "[a](javascript:alert)"),
        ("[a](//x.y)", "[a](//x.y)"),
        ("[a](data:text/html,x)", "[a](data:text/html,x)"),
        ("<b onclick=x>", "&lt;b onclick=x&gt;"),
        ("<https://x.y>", '<a href="https://x.y" rel="noopener noreferrer nofollow">https://x.y</a>'),
    ],
)
def test_markdown_is_safe(text: str, html: str) -> None:
    assert html in markdown(text)


def test_markdown_loads_nothing() -> None:
    assert "<img" not in markdown("![i](https://x.y/p.png)")
