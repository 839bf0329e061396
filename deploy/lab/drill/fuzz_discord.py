"""Discord messages of the fuzz drill (S1), and the rows that the contract promises for them. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import msgspec

from deploy.lab.drill.fuzz_cases import Case, Fields, Maker, Row, ascii_json
from deploy.lab.drill.fuzz_texts import ID_MAX, Rule

if TYPE_CHECKING:
    import random

    from deploy.lab.drill.fuzz_cases import Clock
    from deploy.lab.drill.fuzz_texts import Texts

GAME: Final = "doom"
MESSAGES: Final = 2
ESCAPED_BYTES_MAX: Final = 90_000
"""A body has 100 KiB at most: one that would have more travels without escapes."""
_BAD: Final = {
    "channel_id": Rule.CHANNEL,
    "thread_id": Rule.CHANNEL,
    "title": Rule.LABEL,
    "id": Rule.ID,
    "author": Rule.AUTHOR,
    "text": Rule.MESSAGE,
    "timestamp": Rule.NAME,
    "game": Rule.AUTHOR,
}


class DiscordMaker(Maker):
    """Makes calls of a webhook whose key is in its address."""

    def __init__(self, dice: random.Random, texts: Texts, clock: Clock, key: str, run: str) -> None:
        """`run` is in each message's id: it is this run's alone."""
        super().__init__(dice, texts, clock, GAME)
        self._path = f"/api/webhooks/discord?key={key}"
        self._run = run
        self._messages = 0

    def good(self) -> Case:
        """A call that must be accepted."""
        body = self._call()
        data = ascii_json(body)
        if self.dice.random() < 0.5 or len(data) > ESCAPED_BYTES_MAX:
            data = msgspec.json.encode(body)
        rows = [
            Row("messages", 0, {"message_id": one["id"], "author": one["author"], "text": one["text"]})
            for one in body["messages"]
        ]
        return Case(surface="discord", path=self._path, body=data, allowed=frozenset({200, 201}), rows=rows)

    def bad(self) -> Case:
        """A call in which one text is refused."""
        body = json.loads(msgspec.json.encode(self._call()))
        field, rule = self.dice.choice(tuple(_BAD.items()))
        holder = body if field in body else self.dice.choice(body["messages"])
        if field == "timestamp":
            holder[field] = self.no_time("discord timestamp")
        elif field == "game":
            holder[field] = self.texts.good("discord game", rule) + "."
        else:
            holder[field] = self.refused(f"discord {field}", rule)
        said = f"{field}={holder[field]!r:.80}"
        body["messages"] = body["messages"][:1] if holder is body else [holder]
        return Case(
            surface="discord",
            path=self._path,
            body=ascii_json(body),
            allowed=frozenset({400, 413}),
            said=said,
        )

    def _call(self) -> Fields:
        text = self.texts.good
        return {
            "channel_id": text("discord channel_id", Rule.CHANNEL),
            "thread_id": text("discord thread_id", Rule.CHANNEL),
            "game": GAME,
            "title": text("discord title", Rule.LABEL),
            "messages": [self._message() for _ in range(MESSAGES)],
        }

    def _message(self) -> Fields:
        self._messages += 1
        own = f"{self._run}{self._messages}"
        return {
            "id": self.texts.good("discord id", Rule.ID, long=ID_MAX - len(own)) + own,
            "author": self.texts.good("discord author", Rule.AUTHOR),
            "text": self.texts.good("discord text", Rule.MESSAGE),
            "timestamp": self.clock.begin_ms,
        }
