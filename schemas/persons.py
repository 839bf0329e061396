"""Which stored fields are personal, and how a person is found by an id: each noun's table.

A person is what a game or a client calls by one id in one studio: a player (S3's `externalId`, S4's
`player_id`), a device (S1's `deviceId`), or one of a studio's panel (S2's playtester). A tester's handle is
theirs where it was linked to that device. `deploy.nouns` joins the nouns' tables; a test compares them with
every ClickHouse column, Redis key and event field that there is.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

Identity = Literal["player", "handle", "playtester"]
"""What a column holds: a player's or a device's id, a tester's handle or an author's name, a playtester."""


class PersonalTable(msgspec.Struct, frozen=True, kw_only=True):
    """A ClickHouse table whose rows may be of a person. Every other table is of none."""

    ids: dict[str, Identity]
    """The columns that name the person: a row is theirs where any of them does."""
    fields: tuple[str, ...] = ()
    """The other columns that tell of the person."""


class PersonalKey(msgspec.Struct, frozen=True, kw_only=True):
    """Keys of the noun's Redis projection, relative, that may hold something of a person.

    `{player}`, `{playtester}`, `{studio}` and `{game}` stand for ids, `*` for anything without a slash.
    """

    key: str
    field: str = ""
    """Of a hash or a sorted set: the one that is the person's; empty: the key is, as a whole."""
    value: str = ""
    """Any field of the hash whose value has, at any depth, one of their handles under this name."""
    game_in: str = ""
    """Where the key names no game: the hash of the same `*` whose field `row` does. What is of another
    studio's game is of another person."""


class PersonalObjects(msgspec.Struct, frozen=True, kw_only=True):
    """Objects of a person: folders, named by what a table says of them."""

    folder: str
    """`{studio}` and `{id}` stand for the studio and for the table's column."""
    table: str
    column: str


class Personal(msgspec.Struct, frozen=True, kw_only=True):
    """A noun's part of the table."""

    tables: dict[str, PersonalTable] = {}
    impersonal_tables: dict[str, str] = {}
    """The noun's other tables, and why no row of them is of a person."""
    keys: tuple[PersonalKey, ...] = ()
    impersonal_keys: frozenset[str] = frozenset()
    """What the noun's other Redis keys begin with, before a colon."""
    objects: tuple[PersonalObjects, ...] = ()
    fields: frozenset[str] = frozenset()
    """Names of fields, wherever they are in commands and events, that hold or name something personal."""
    impersonal_fields: dict[str, str] = {}
    """Names that look as if they did, and why they don't."""


class Handle(msgspec.Struct, frozen=True):
    """A tester's handle. In another game of the studio it may be another person's."""

    game_id: str
    name: str


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Whom an id means in a studio."""

    studio_id: str
    games: tuple[str, ...]
    """The studio's games, whose players go by that id."""
    id: str
    devices: tuple[str, ...] = ()
    """Other ids of the person: devices that were linked to their handle."""
    handles: tuple[Handle, ...] = ()
    """Testers' handles that were linked to the id, which is a device's then."""

    def names(self, identity: Identity) -> tuple[str, ...]:
        """What a column of a kind holds where it means this person, in every game; `handles` come to it."""
        return (self.id, *self.devices) if identity == "player" else (self.id,)


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """A place that no table of a noun names, and what becomes of what it holds of a person."""

    place: str
    until: str


ELSEWHERE: Final = (
    Elsewhere(
        place="the log, topic telemetry: requests as they were sent",
        until="for as long as QUESTLOG_TELEMETRY_RETENTION_DAYS says; for ever where that is not set",
    ),
    Elsewhere(
        place="the log, topics of commands and events: what was asked and decided, in clear but for what is"
        " sealed (e-mails, notes to the invited, game keys, applicants' texts, user agents)",
        until="for ever",
    ),
    Elsewhere(place="the log, topic dead-letters: requests that could not be read", until="for ever"),
    Elsewhere(
        place="playtests: what slots say (notes, reports, ratings) in Redis, and published recordings",
        until="until `questlog persons forget` with their playtester's id; recordings as well until"
        " `questlog playtests forget --playtester`",
    ),
    Elsewhere(
        place="playtests: e-mails, sealed, of invites and keys that are not under one of their handles",
        until="until `questlog playtests forget --email`",
    ),
    Elsewhere(place="exports of /api/export, in the object store", until="until the studio deletes them"),
    Elsewhere(
        place="Redis: answers to idempotency keys, and webhooks that wait for their target",
        until="for 24 hours",
    ),
    Elsewhere(place="Redis: a board's last messages to its listeners", until="for 10 minutes"),
    Elsewhere(place="backups of a home, of ClickHouse, of a bucket", until="until they are deleted"),
)
"""What the table does not reach."""
