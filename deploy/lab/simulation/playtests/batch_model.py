"""What the events of key batches must amount to, by rules of their own: no code of the decider is used.

Reads each event as plain data, as the drill's model of orders does, and opens what is sealed: a code, an
e-mail and a handle belong each to one person alone, by their clear texts, under whichever secret they were
sealed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.lab.simulation.playtests.batch_records import Batch, Game, Key
from schemas.playtests.names import batch_aggregate

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.envelope import Decided, Event
    from schemas.playtests.batch_commands import ImportKeys
    from schemas.seal import Sealer

Data = dict[str, Any]
Place = tuple[str, str, str]
"""Studio, game, batch."""
_PREFIX: Final = "playtests."
KEYS_MAX: Final = 8
"""Of a batch: few, so that it gets full."""


class BatchModel:
    """All batches of a log. `problems` says what did not hold, and after which event."""

    def __init__(self, sealer: Sealer) -> None:
        self.batches: dict[Place, Batch] = {}
        self.games: defaultdict[tuple[str, str], Game] = defaultdict(Game)
        self.codes: dict[tuple[str, str], str] = {}
        """By studio and code: the key's id."""
        self.problems: list[str] = []
        self._sealer = sealer
        self._where, self._at_ms = "", 0
        self._steps: dict[str, Callable[[Place, Data], None]] = {
            f"{_PREFIX}{name}.v1": step
            for name, step in {
                "batch-defined": self._defined,
                "batch-closed": self._closed,
                "batch-expired": self._expired,
                "keys-imported": self._imported,
                "key-redeemed": self._redeemed,
                "key-revoked": self._revoked,
                "invite-sent": self._sent,
                "invite-opened": self._opened,
                "tester-linked": self._linked,
                "tester-unlinked": self._unlinked,
                "recipient-forgotten": self._forgotten,
            }.items()
        }

    def fold(self, where: str, decided: Decided) -> None:
        """Take in what came of one command; `where` says which it is, for `problems`."""
        told = [event for event in decided.events if event.type in self._steps]
        for event in told:
            self._where, self._at_ms = f"{where} {event.type}", event.at_ms
            try:
                self._step(event)
            except (KeyError, TypeError, ValueError) as error:
                self._must(False, f"can't follow: {error!r}")  # noqa: FBT003 - it never holds
        if told:
            self._look()

    def refused_full(self, where: str, command: ImportKeys, game: tuple[str, str]) -> None:
        """Take in that a batch was told as full: with the command's codes it would have more than it may."""
        self._where = f"{where} {command.WIRE}"
        place = (*game, command.batch_id)
        codes = {self._open(place, "keys", one.sealed) for one in command.codes}
        new = sum((game[0], code) not in self.codes for code in codes)
        held = len(self.batches[place].keys)
        self._must(held + new > KEYS_MAX, f"told as full with {held} keys and {new} new ones")

    def held(self, studio_id: str, code: str) -> tuple[Place, Batch, Key] | None:
        """The key that has a code, with its batch."""
        key_id = self.codes.get((studio_id, code))
        found = (
            (place, batch, key)
            for place, batch in self.batches.items()
            if place[0] == studio_id
            for key in batch.keys.values()
            if key.id == key_id
        )
        return next(found, None)

    def _step(self, event: Event) -> None:
        data: Data = msgspec.msgpack.decode(event.data)
        place = data["studio_id"], data["game_id"], data.get("batch_id", "")
        self._steps[event.type](place, data)
        if "counts" in data:
            keys = self.batches[place].keys.values()
            own = Counter(key.status for key in keys)
            told = {name: count for name, count in data["counts"].items() if count}
            self._must(told == own | {"keys": len(keys)} if keys else not told, f"counts are told as {told}")

    def _must(self, holds: bool, what: str) -> None:  # noqa: FBT001 - a condition
        if not holds:
            self.problems.append(f"{self._where}: {what}")

    def _look(self) -> None:
        """Of all links after a command: of redeemed keys, and no device has two."""
        keys = {key.id: key for batch in self.batches.values() for key in batch.keys.values()}
        for game in self.games.values():
            for handle, (_, key_id) in game.links.items():
                key = keys[key_id]
                self._must(key.status == "redeemed", f"{handle} is linked by a key that is {key.status}")
                self._must(key.handle.lower() == handle, f"{handle} is linked by a key of {key.handle!r}")
            devices = Counter(device for device, _ in game.links.values())
            self._must(all(count == 1 for count in devices.values()), f"devices have handles: {devices}")

    def _open(self, place: Place, field: str, sealed: str) -> str:
        aggregate = batch_aggregate(*place)
        return self._sealer.open(sealed, studio_id=place[0], aggregate_id=aggregate, field=field)

    def _mailbox(self, place: Place, sealed: str) -> str:
        return self._open(place, "email", sealed).strip().casefold()

    def _defined(self, place: Place, data: Data) -> None:
        told = data["batch"]
        definition = told["definition"]
        fixed = (
            definition["fulfillment_source"],
            definition["redemption_mode"],
            definition["identity_mode"],
        )
        batch = self.batches.setdefault(place, Batch(fixed))
        self._must(batch.fixed == fixed, f"was {batch.fixed}, which never changes")
        batch.status, batch.expires_ms = told["status"], definition["expires_at_ms"]
        batch.share_hash = told["share_token_hash"]
        over = batch.expires_ms is not None and batch.expires_ms <= self._at_ms
        self._must(batch.status == ("expired" if over else "open"), f"told as {batch.status}")
        self._must(bool(batch.share_hash) == (fixed[1] == "public"), "a public link, or none")

    def _closed(self, place: Place, data: Data) -> None:
        self._must(data["batch"]["status"] == "closed", "not told as closed")
        self.batches[place].status = "closed"

    def _expired(self, place: Place, _: Data) -> None:
        batch = self.batches[place]
        self._must(batch.status == "open", f"was {batch.status}")
        self._must(batch.expires_ms is not None and self._at_ms >= batch.expires_ms, "before its end")
        batch.status = "expired"

    def _imported(self, place: Place, data: Data) -> None:
        batch = self.batches[place]
        self._must(batch.is_open(self._at_ms), "the batch is not open")
        for key_id, number, sealed, *_ in data["keys"]:
            code = self._open(place, "keys", sealed)
            self._must(number == len(batch.keys) + 1, f"the key's number is {number}")
            self._must((place[0], code) not in self.codes, "the studio has that code")
            self._must(key_id not in self.codes.values(), "the key's id is another's")
            self.codes[place[0], code] = key_id
            batch.keys[number] = Key(key_id, code)
        self._must(len(batch.keys) <= KEYS_MAX, f"{len(batch.keys)} keys")

    def _given(self, place: Place, data: Data, key: Key, status: str) -> None:
        told = data["key"]
        own = (key.id, status, self.batches[place].number(key))
        self._must((told["id"], told["status"], told["number"]) == own, f"the key is not told as {own}")
        key.status = status

    def _redeemed(self, place: Place, data: Data) -> None:
        batch, told, redemption = self.batches[place], data["key"], data["key"]["redemption"]
        self._must(batch.is_open(self._at_ms), "the batch is not open")
        key = batch.key(told["id"])
        if data["invite"] is None:
            self._must(batch.fixed[1] == "public", "without an invite")
            self._must(key is batch.next_available(), "not the next key that is available")
        else:
            invited = (key.status, key.invite)
            self._must(invited == ("reserved", data["invite"]["id"]), f"the invite's key is {invited}")
        self._must(self._open(place, "keys", data["code"]) == key.code, "another key's code")
        self._given(place, data, key, "redeemed")
        needed = set(batch.fixed[2].split("+")) - {"anonymous"}
        given = {name for name in ("handle", "email") if redemption.get(name) is not None}
        self._must(given == needed, f"told {given}, the batch asks for {needed}")
        if "handle" in given:
            handles, handle = self.games[place[:2]].handles, redemption["handle"]
            self._must(handle.lower() not in handles, f"{handle} is another's")
            handles[handle.lower()] = key.id
            key.handle, key.claim_hash = handle, redemption.get("claim_token_hash", "")
        if "email" in given:
            self._has(batch, self._mailbox(place, redemption["email"]), key)

    def _has(self, batch: Batch, mailbox: str, key: Key) -> None:
        """A person has a key, or is to have it: their only one of the batch."""
        held = batch.mailboxes.setdefault(mailbox, key.id)
        self._must(held == key.id, f"{mailbox} has a key already")

    def _revoked(self, place: Place, data: Data) -> None:
        key = self.batches[place].key(data["key"]["id"])
        self._must(key.status != "revoked", "revoked twice")
        self._given(place, data, key, "revoked")

    def _sent(self, place: Place, data: Data) -> None:
        batch, invite = self.batches[place], data["invite"]
        self._must(batch.is_open(self._at_ms), "the batch is not open")
        self._must(batch.fixed[1] == "invite", "the batch takes no invites")
        key = batch.next_available()
        self._must(key is not None and key.id == invite["key_id"], "not the next key that is available")
        if key is None:
            return
        mailbox = self._mailbox(place, invite["email"])
        self._must(mailbox not in batch.mailboxes, f"{mailbox} was invited before")
        self._has(batch, mailbox, key)
        self._must(invite["id"] not in batch.invites, "an invite's id twice")
        batch.invites[invite["id"]] = (key.id, invite["token_hash"])
        self._given(place, data, key, "reserved")
        key.invite = invite["id"]

    def _opened(self, place: Place, data: Data) -> None:
        self._must(data["invite"]["id"] in self.batches[place].invites, "no such invite")

    def _linked(self, place: Place, data: Data) -> None:
        link = data["link"]
        links, handle = self.games[place[:2]].links, link["handle"].lower()
        made = (link["device_id"], link["key_id"])
        self._must(data["already_linked"] == (handle in links), "linked before, or not")
        self._must(links.setdefault(handle, made) == made, f"{handle} has another device")

    def _unlinked(self, place: Place, data: Data) -> None:
        link = data["link"]
        held = self.games[place[:2]].links.pop(link["handle"].lower())
        self._must(held[0] == link["device_id"], "another device was linked")

    def _forgotten(self, place: Place, data: Data) -> None:
        batch, handles = self.batches[place], self.games[place[:2]].handles
        gone = {told["id"] for told in data["keys"]}
        for told in (*data["keys"], *data["invites"]):
            person = told.get("redemption") or told
            left = [name for name in ("handle", "email", "user_agent", "personal_note") if person.get(name)]
            self._must(not left, f"{left} are still told")
        for key in batch.keys.values():
            if key.id in gone:
                handles.pop(key.handle.lower(), None)
                key.handle = ""
        batch.mailboxes = {mail: key_id for mail, key_id in batch.mailboxes.items() if key_id not in gone}
