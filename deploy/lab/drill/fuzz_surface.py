"""What the fuzz drill has in common for surfaces whose answers are compared at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from deploy.lab.drill.fuzz_cases import Fields, Maker, ascii_json
from deploy.lab.drill.fuzz_texts import Rule
from schemas.identifiers import IDEMPOTENCY_KEY_CHARACTERS_MAX

if TYPE_CHECKING:
    from deploy.lab.drill.fuzz_http import Client


class SurfaceFuzz:
    """Of one surface. What does not add up is in `wrong`."""

    surface = ""

    def __init__(self, client: Client, maker: Maker, run: str) -> None:
        """`run` is in each idempotency key: it is this run's alone."""
        self._client = client
        self._maker = maker
        self.dice = maker.dice
        self._run = run
        self._keys = 0
        self.wrong: list[str] = []

    async def ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: Fields | None,
        allowed: frozenset[int],
    ) -> tuple[int, dict[str, Any]]:
        """Status and body of an answer that must be one of `allowed`; an empty body of a refusal."""
        data = None if body is None else ascii_json(body) if self.dice.random() < 0.5 else _utf8(body)
        status, text = await self._client.ask(method, path, headers=headers, body=data)
        said = f"{method} {path} {data or b''!r:.200} -> {text[:200]!r}"
        self._client.note(self.surface, status, allowed=status in allowed, said=said)
        return status, orjson.loads(text) if status and status < 300 else {}

    def _text(self, field: str, rule: Rule) -> str:
        """A text that the surface takes in this field."""
        return self._maker.texts.good(f"{self.surface} {field}", rule)

    def _key(self) -> str:
        """An idempotency key that no other request of this run has."""
        self._keys += 1
        own = f"{self._run}{self._keys}"
        most = IDEMPOTENCY_KEY_CHARACTERS_MAX - len(own)
        return self._maker.texts.good(f"{self.surface} idempotencyKey", Rule.KEY, long=most) + own

    def expect(self, found: object, wanted: object, what: str) -> None:
        """Notes what is not as it was sent."""
        if found != wanted:
            self.wrong.append(f"{what:.200}: {found!r:.200} instead of {wanted!r:.200}")


def quoted(text: str) -> str:
    """As a part of a path or a query, whatever it is."""
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def _utf8(body: Fields) -> bytes:
    """JSON in UTF-8; halves of surrogate pairs, which it has no bytes for, as three bytes that are none."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
