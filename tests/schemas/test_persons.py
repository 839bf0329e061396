"""The table of what is personal is whole: every ClickHouse column, Redis key and event field is looked at."""

from __future__ import annotations

import re
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

import msgspec
import pytest

from deploy.nouns import NOUNS
from projections.clickhouse.person_rows import of_person
from projections.clickhouse.system_tables import TABLES as SYSTEM_TABLES
from projections.redis.person_keys import patterns
from schemas.envelope import Decided, Event
from schemas.persons import Handle, Person, PersonalKey, PersonalTable

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
PERSONAL: Final = re.compile(
    r"(player|tester|person|user|device|external_id|handle|author|email|e_mail|applicant|recipient|country"
    r"|region|(^|_)city|address|phone|secret_hash|response$|note|comment|message|answers|hardware|evidence|title)"
)
"""What a column or field is called that may be of a person. Names that are of none are declared as such."""
TYPES: Final = r"LowCardinality|String|U?Int\d+|Float\d+|DateTime64|DateTime|Nullable|Array|Map|Bool"


def columns() -> dict[str, set[str]]:
    """Every table that a migration has made in the database of facts, and its columns."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "projections/clickhouse").glob("0*.sql")):
        for statement in path.read_text().split(";;"):
            code = re.sub(r"^--.*$", "", statement, flags=re.MULTILINE).strip()
            made = re.match(r"CREATE TABLE IF NOT EXISTS (\w+)\s*\((.*)\)\s*ENGINE", code, re.DOTALL)
            added = re.match(r"ALTER TABLE (\w+) ADD COLUMN IF NOT EXISTS (\w+)", code)
            if made:
                names = re.findall(rf"(?:^|,)\s*(\w+)\s+(?:{TYPES})\b", made[2], re.MULTILINE)
                found.setdefault(made[1], set()).update(names)
            elif added:
                found.setdefault(added[1], set()).add(added[2])
    return {table: names for table, names in found.items() if table not in SYSTEM_TABLES}


def test_the_columns_are_read_from_the_migrations() -> None:
    found = columns()
    assert {"player_id", "properties", "occurred_at", "_index"} <= found["events"]
    assert {"place", "tag", "recorded_at"} <= found["insights"]
    assert len(found) > 25


def test_every_table_is_declared_once() -> None:
    declared = [
        table
        for noun in NOUNS
        for table in (*noun.schema.personal.tables, *noun.schema.personal.impersonal_tables)
    ]
    assert sorted(declared) == sorted(columns())


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.name)
def test_every_column_that_may_be_of_a_person_is_declared(noun: Any) -> None:
    found = columns()
    for table, personal in noun.schema.personal.tables.items():
        declared = {*personal.ids, *personal.fields}
        assert declared <= found[table], table
        undeclared = {name for name in found[table] - declared if PERSONAL.search(name)}
        assert not undeclared - noun.schema.personal.impersonal_fields.keys(), table
    for table in noun.schema.personal.impersonal_tables:
        found_ids = {name for name in found[table] if re.search(r"player_id|external_id|device_id", name)}
        assert not found_ids, table


def names_of(kind: Any, seen: set[Any]) -> Iterator[str]:
    """The names of all fields of a struct that hold text, and of all structs in it."""
    if get_origin(kind) is not None or isinstance(kind, UnionType):
        for part in get_args(kind):
            yield from names_of(part, seen)
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind not in seen:
        seen.add(kind)
        for field in msgspec.structs.fields(kind):
            if re.search(r"str|bytes|Any", str(field.type)) or names_structs(field.type):
                yield field.name
            yield from names_of(field.type, seen)


def names_structs(kind: Any) -> bool:
    if get_origin(kind) is not None or isinstance(kind, UnionType):
        return any(names_structs(part) for part in get_args(kind))
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.name)
def test_every_event_field_that_may_be_of_a_person_is_declared(noun: Any) -> None:
    found: set[str] = set()
    for codec in (noun.schema.commands, noun.schema.events):
        for wire in codec.wire_names if codec is not None else ():
            found.update(names_of(codec._decoders[wire].type, set()))
    personal = noun.schema.personal
    assert personal.fields <= found, "a declared field is nowhere"
    suspects = {name for name in found if PERSONAL.search(name)}
    assert not suspects - (personal.fields | personal.impersonal_fields.keys())
    everywhere = found.union(*(columns()[table] for table in personal.tables))
    assert personal.impersonal_fields.keys() <= everywhere, "a name that is nowhere"


@pytest.mark.parametrize("noun", [noun for noun in NOUNS if noun.projection], ids=lambda noun: noun.name)
def test_every_redis_key_that_events_set_is_declared(noun: Any) -> None:
    """Of the golden examples of every event: what a key begins with is personal by declaration, or is not."""
    codec, personal = noun.projection.events, noun.schema.personal
    found = set()
    for wire in codec.wire_names:
        for path in (ROOT / "schemas/golden" / noun.name / wire).iterdir():
            kind = codec._decoders[wire].type
            message = codec.decode(
                wire, msgspec.msgpack.encode(msgspec.json.decode(path.read_bytes(), type=kind))
            )
            event = Event(type=message.WIRE, aggregate_id="", sequence=1, at_ms=1, data=codec.encode(message))
            decided = Decided(
                command_id="", studio_id="s", game_id="g", keyed=False, fingerprint=b"", events=[event]
            )
            for operation in noun.projection.project(decided, [message], 1, 0):
                found.add(operation[1].partition(":")[0])
    families = {key.key.partition(":")[0] for key in personal.keys}
    assert not families & personal.impersonal_keys
    assert found <= families | personal.impersonal_keys
    assert families <= found | {"own-slots", "earnings", "played", "accepted", "joined"}


PERSON: Final = Person(
    studio_id="studio_1",
    games=("game_1", "game_2"),
    id="a*b",
    devices=("dev",),
    handles=(Handle("game_2", "Red"),),
)


def test_a_person_is_of_one_studio_and_matches_columns_by_kind() -> None:
    table = PersonalTable(ids={"player_id": "player", "author": "handle"})
    where, parameters = of_person(table, PERSON)
    assert where.startswith("studio_id = {studio:String} AND (")
    assert parameters["studio"] == "studio_1"
    assert [value for name, value in parameters.items() if name != "studio"] == [
        *("a*b", "dev", "a*b", "game_2", "Red"),
    ]
    assert where.count("player_id = ") == 2
    assert where.count("author = ") == 2
    assert where.endswith(" OR (game_id = {id4:String} AND author = {id5:String}))"), (
        "Red is theirs there alone"
    )


def test_the_keys_of_a_person_are_globs_in_which_an_id_stands_for_itself() -> None:
    found = patterns(PersonalKey(key="wallet:{game}/{player}"), PERSON)
    assert [(one.keys, one.field) for one in found] == [
        ("wallet:game_1/a\\*b", ""),
        ("wallet:game_1/dev", ""),
        ("wallet:game_2/a\\*b", ""),
        ("wallet:game_2/dev", ""),
    ]
    found = patterns(PersonalKey(key="members:*", field=":{player}"), PERSON)
    assert [(one.keys, one.field) for one in found] == [("members:*", ":a*b"), ("members:*", ":dev")]
    found = patterns(PersonalKey(key="batch-keys:{studio}/{game}/*", value="handle"), PERSON)
    assert [(one.keys, one.handles) for one in found] == [
        ("batch-keys:studio_1/game_1/*", ("a*b",)),
        ("batch-keys:studio_1/game_2/*", ("a*b", "Red")),
    ]
