"""Links, claims and their pages over HTTP; the real decider answers, in memory."""

from __future__ import annotations

import dataclasses
import json
import re
from itertools import count
from typing import Any

import msgspec
import pytest

from schemas.edge.ports import Game, Limits
from schemas.envelope import Command, CommandRejected, Outcome
from schemas.identifiers import key_hash
from schemas.outcomes import REMEMBERED_REFUSALS
from schemas.playtests.answers import answer_to
from schemas.playtests.batch_commands import (
    CloseBatch,
    DefineBatch,
    ImportKeys,
    NewInvite,
    RevokeKeys,
    SealedCode,
    SendInvites,
)
from schemas.playtests.batch_views import Invite, KeyState, Link
from schemas.playtests.commands import COMMANDS
from schemas.playtests.names import batch_aggregate
from schemas.playtests.ports import BatchRow, RedeemLink
from schemas.playtests.secrets import code_fingerprints
from schemas.seal import Sealer
from streams.deciders.playtests.noun import PLAYTESTS
from streams.gateway.pending_commands import CommandUnavailable
from streams.gateway.playtests.claims import Claims
from streams.gateway.playtests.links import CALLS_PER_MINUTE
from streams.gateway.playtests.redemptions import Redemptions
from streams.gateway.several_writes import SeveralWrites
from streams.playtests.redemption_page import markdown
from tests.schemas.telemetry.s4_samples import NOW
from tests.streams.deciders.playtests.given import GAME, STUDIO, Playtests
from tests.streams.deciders.playtests.money import check
from tests.streams.deciders.playtests.test_batches import BATCH, definition
from tests.streams.gateway.world import Answer, World

SEALER = Sealer(b"secret")
AGGREGATE = batch_aggregate(STUDIO, GAME, BATCH)
NOTE = "Loved <b>your</b> devlog"


class Store:
    """The decider with its outcomes, and what is read of it. `away` asks get no answer."""

    def __init__(self) -> None:
        self.decider = Playtests(credit_cents=0)
        self.decider.at_ms = NOW
        self.outcomes: dict[str, Outcome] = {}
        self.asked: list[Command] = []
        self.codes: dict[str, int] = {}
        self.away = 0

    async def submit(self, command: Command, *, fresh: bool = False, **_more: Any) -> Outcome:
        del fresh
        self.asked.append(command)
        if self.away:
            self.away -= 1
            raise CommandUnavailable("away")
        held = self.outcomes.get(command.command_id)
        if held is not None and command.keyed:
            return held
        body = COMMANDS.decode(command.type, command.body)
        request = dataclasses.replace(self.decider.request(body), command_id=command.command_id)
        verdict = PLAYTESTS.decide(self.decider.state, request)
        if isinstance(verdict, CommandRejected):
            status, answer = verdict.status, msgspec.msgpack.encode(verdict)
        else:
            for event in verdict:
                self.decider.state = PLAYTESTS.evolve(self.decider.state, event, request.at_ms)
                check(self.decider.state)
            status, struct = answer_to(verdict)
            answer = msgspec.msgpack.encode(struct)
        outcome = Outcome(
            command_id=command.command_id, fingerprint=command.fingerprint, status=status, body=answer
        )
        if command.keyed and (status < 400 or status in REMEMBERED_REFUSALS):
            self.outcomes[command.command_id] = outcome
        return outcome

    async def stored(self, key: str, command_id: str, fingerprint: bytes) -> Outcome | None:
        assert key == STUDIO
        held = self.outcomes.get(command_id)
        assert held is None or held.fingerprint == fingerprint
        return held

    async def batch(self, studio_id: str, game_id: str, batch_id: str) -> BatchRow | None:
        known = self.decider.studio.batches.get(batch_aggregate(studio_id, game_id, batch_id))
        return None if known is None else BatchRow(batch=known.batch, counts=known.counts)

    async def batch_invite(
        self, studio_id: str, game_id: str, batch_id: str, invite_id: str
    ) -> Invite | None:
        return self.decider.studio.batches[batch_aggregate(studio_id, game_id, batch_id)].invites.get(
            invite_id
        )

    async def redeem_link(self, token_hash: str) -> RedeemLink | None:
        batch = self.decider.studio.batches[AGGREGATE]
        if token_hash == batch.batch.share_token_hash:
            return RedeemLink(studio_id=STUDIO, game_id=GAME, batch_id=BATCH)
        for one in batch.invites.values():
            if one.token_hash == token_hash:
                return RedeemLink(studio_id=STUDIO, game_id=GAME, batch_id=BATCH, invite_id=one.id)
        return None

    async def claim(self, token_hash: str) -> RedeemLink | None:
        for key in self.decider.studio.batches[AGGREGATE].keys.values():
            redemption = key.state.redemption
            if redemption is not None and redemption.claim_token_hash == token_hash:
                return RedeemLink(studio_id=STUDIO, game_id=GAME, batch_id=BATCH, key_id=key.state.id)
        return None

    async def code(self, studio_id: str, fingerprint: str) -> tuple[str, str, KeyState] | None:
        assert studio_id == STUDIO
        number = self.codes.get(fingerprint)
        if number is None:
            return None
        return GAME, BATCH, self.decider.studio.batches[AGGREGATE].keys[number].state

    async def device(self, studio_id: str, game_id: str, device_id: str) -> Link | None:
        assert studio_id == STUDIO
        game = self.decider.studio.games.get(game_id)
        return None if game is None or device_id not in game.devices else game.links[game.devices[device_id]]


class Links(World):
    """A batch of two keys, and the link to it."""

    def __init__(
        self, *, public: bool = True, store: Store | None = None, sealer: Sealer = SEALER, **more: Any
    ) -> None:
        """With a `store` the batch is there, and another process serves it."""
        self.store, self.sealer = store or Store(), sealer
        self.sizes = count(1)
        super().__init__(writes=[self._make])
        game = Game(
            id=GAME, studio_id=STUDIO, slug="maze", name="Maze & Sons", created_at_ms=0, limits=Limits()
        )
        self.directory.put(game)
        self.path = "/redeem/share" if public else "/redeem/mine"
        if store is None:
            self._define(public=public, **more)

    def _define(self, *, public: bool, **more: Any) -> None:
        decider = self.store.decider
        mode = "public" if public else "invite"
        decider.given(
            DefineBatch(
                definition=definition(redemption_mode=mode, **more), share_token_hash=key_hash("share")
            )
        )
        key = SEALER.data_key(STUDIO, AGGREGATE, self._random)
        codes = [
            SealedCode(key.seal("keys", code, self._random), code_fingerprints(SEALER, STUDIO, code)[0])
            for code in ("KEY ONE", "KEY TWO")
        ]
        decider.given(ImportKeys(batch_id=BATCH, codes=codes))
        self.store.codes = {one.fingerprint: number for number, one in enumerate(codes, 1)}
        if not public:
            invite = NewInvite(
                email=key.seal("email", "ann@x", self._random),
                email_fingerprint=SEALER.fingerprint(STUDIO, "email", "ann@x"),
                token_hash=key_hash("mine"),
                personal_note=key.seal("note", NOTE, self._random),
            )
            decider.given(SendInvites(batch_id=BATCH, invites=[invite]))

    def _random(self, size: int) -> bytes:
        return next(self.sizes).to_bytes(size, "big")

    def _make(self, services: Any) -> SeveralWrites:
        commands: Any = self.store
        reads: Any = self.store
        return SeveralWrites(
            (
                Redemptions(
                    services, commands, reads, self.sealer, randomness=self._random, secure_cookie=True
                ),
                Claims(services, commands, reads, self.sealer, randomness=self._random),
            )
        )

    async def page(self, cookie: str = "", **more: Any) -> Answer:
        return await self.call(self.path, method="GET", cookie=cookie, **more)

    async def form(self, text: str, cookie: str = "") -> Answer:
        return await self.call(self.path, text.encode(), cookie=cookie)

    async def ask(self, key: str = "", **fields: str) -> Answer:
        headers = [("idempotency-key", key)] if key else []
        return await self.call(
            self.path, json.dumps(fields).encode(), content_type="application/json", headers=headers
        )

    async def claimed(self, token: str, method: str = "POST", **more: str) -> Answer:
        body = {"claimToken": token, "gameId": GAME, "deviceId": "d1"} | more
        return await self.call("/api/telemetry/claim", json.dumps(body).encode(), method=method)


def cookie_of(answer: Answer) -> str:
    return answer.headers["set-cookie"].partition(";")[0]


def code_of(answer: Answer) -> str:
    found = re.search(rb'<code id="key">(.*?)</code>', answer.body)
    return "" if found is None else found[1].decode()


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
