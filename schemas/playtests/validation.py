"""Reads S2's queries and bodies; all that is wrong is said at once, each with its field. Pure.

Source: contract/playtests.md: 400 for no JSON object, 422 with `details` for everything else, unknown fields
of a body and cursors too. Unknown names in a query are let through: clients add some against caches.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any, Final, NoReturn, TypeVar, get_args, get_origin
from urllib.parse import parse_qsl

import msgspec
import orjson

from schemas.edge.errors import Refused
from schemas.edge.parameters import Choice, Integer, Parameter
from schemas.edge.routes import Route
from schemas.identifiers import idempotency_key_problem
from schemas.numbers import whole_of_text, whole_within
from schemas.playtests.pages import place_of

Problems = dict[str, str]
"""What is wrong, by field."""
PROBLEMS_MAX: Final = 100
"""Of one answer; what comes after so many is not looked at."""
_QUERY_FIELDS_MAX: Final = 50
_INTEGERS_DEPTH: Final = 2
_DIGITS: Final = re.compile("[0-9]{19,}")
_MANY: Final = 10**18
"""More than any list has, whatever the number was."""


class Fields(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Base of bodies."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """What is wrong with fields beside each other: the field that is named, and what is to be said.

        Asked only where every field by itself is right.
        """
        yield from ()


FieldsT = TypeVar("FieldsT", bound=Fields)


def refuse(problems: Problems) -> NoReturn:
    """Raise `Refused` (422) with the problems, the first `PROBLEMS_MAX` of them."""
    shown = [*islice(problems.items(), PROBLEMS_MAX)]
    raise Refused(
        422,
        "the request is not valid: " + "; ".join(f"{field}: {message}" for field, message in shown),
        details=[{"field": field, "message": message} for field, message in shown],
    )


def read_body(kind: type[FieldsT], data: bytes, problems: Problems) -> FieldsT:
    """The body as its shape; empty is `{}`. Raises `Refused`: 400, or 422 with `problems` and its own."""
    try:
        value = orjson.loads(data or b"{}")
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise Refused(400, "the body must be a JSON object")
    found = _given(_fields(kind), value, problems)
    if problems:
        refuse(problems)
    body = kind(**found)
    problems.update(body.problems())
    if problems:
        refuse(problems)
    return body


def _given(
    fields: Mapping[str, msgspec.structs.FieldInfo], value: dict[str, Any], problems: Problems
) -> dict[str, Any]:
    """The fields of a body, each as its type. Raises `Refused` (422) once too much is wrong."""
    found: dict[str, Any] = {}
    for name, given in value.items():
        if len(problems) >= PROBLEMS_MAX:
            refuse(problems)
        field = fields.get(name)
        if field is None:
            problems[_shown(name)] = "is no field of this request"
            continue
        try:
            found[field.name] = msgspec.convert(whole_within(given, _INTEGERS_DEPTH), field.type)
        except msgspec.ValidationError as error:
            problems.update(_items(name, given, field.type) or {name: _said(error)})
    for name, field in fields.items():
        if field.required and name not in value:
            problems[name] = "is required"
    return found


@cache
def _fields(kind: type[Fields]) -> dict[str, msgspec.structs.FieldInfo]:
    """A body's fields by their names on the wire. Bodies are few."""
    return {field.encode_name: field for field in msgspec.structs.fields(kind)}


@cache
def _parameters(route: Route) -> dict[str, Parameter]:
    """A route's parameters of the query. Routes are few."""
    return {one.name: one for one in route.parameters if one.place == "query"}


def read_query(route: Route, text: bytes, problems: Problems) -> Mapping[str, Any]:
    """The route's query parameters, the default of each that is missing; a cursor as its place.

    What is wrong goes into `problems`. Raises `Refused` (400) where the query can't be read at all.
    """
    known = _parameters(route)
    try:
        pairs = parse_qsl(
            text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_QUERY_FIELDS_MAX
        )
    except ValueError as error:
        raise Refused(400, f"the query can't be read: {error}") from None
    found: dict[str, Any] = {name: one.default for name, one in known.items()}
    seen: set[str] = set()
    for name, value in pairs:
        parameter = known.get(name)
        if parameter is None:
            continue
        if name in seen:
            problems[name] = "comes twice in the query"
        seen.add(name)
        found[name] = _value(parameter, value, problems)
    return found


def read_idempotency_key(values: list[bytes], problems: Problems) -> str:
    """The key of the `Idempotency-Key` headers; empty where there is none."""
    if not values:
        return ""
    key = values[0].decode("latin-1").strip(" \t")
    problem = "came twice with different values" if len({*values}) > 1 else idempotency_key_problem(key)
    if problem is not None:
        problems["Idempotency-Key"] = problem
    return key


def _value(parameter: Parameter, text: str, problems: Problems) -> Any:
    name, kind = parameter.name, parameter.kind
    match kind:
        case Integer():
            value = _MANY if _DIGITS.fullmatch(text) else whole_of_text(text)
            if value is None or value < kind.minimum:
                problems[name] = f"must be a whole number of at least {kind.minimum}"
                return None
            return value if kind.clamp is None else min(value, kind.clamp)
        case Choice():
            if text not in kind.options:
                problems[name] = f"must be one of {', '.join(kind.options)}"
            return text
        case _:
            place = place_of(text)
            if place is None:
                problems[name] = "is no cursor that this API gave"
            return place


def _items(name: str, given: Any, kind: Any) -> Problems:
    """What is wrong with a list's items, each by its place."""
    item = _item_type(kind)
    if item is None or not isinstance(given, list):
        return {}
    problems: Problems = {}
    for index, one in enumerate(given):
        if len(problems) >= PROBLEMS_MAX:
            break
        try:
            msgspec.convert(one, item)
        except msgspec.ValidationError as error:
            problems[f"{name}[{index}]"] = _said(error)
    return problems


def _item_type(kind: Any) -> Any:
    if get_origin(kind) is list:
        return get_args(kind)[0]
    return next((item for inner in get_args(kind) if (item := _item_type(inner)) is not None), None)


_LENGTH: Final = re.compile(r"Expected `(str|array)` of length (>=|<=) (\d+)")
_BOUND: Final = re.compile(r"Expected `int` (>=|<=) (-?\d+)")
_TYPE: Final = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_WORDS: Final = {"str": "text", "int": "a whole number", "bool": "true or false", "array": "a list"}


def _said(error: msgspec.ValidationError) -> str:
    """Msgspec's sentence in ours. A value is never repeated: it may be a secret."""
    text = str(error)
    if found := _LENGTH.match(text):
        unit = "items" if found[1] == "array" else "characters"
        return f"must have {'at least' if found[2] == '>=' else 'at most'} {found[3]} {unit}"
    if found := _BOUND.match(text):
        return f"must be {'at least' if found[1] == '>=' else 'at most'} {found[2]}"
    if found := _TYPE.match(text):
        kinds = [_WORDS.get(kind, kind) for kind in found[1].split(" | ")]
        return f"must be {' or '.join(kinds)}, not {found[2]}"
    return "is none of the values that are allowed" if text.startswith("Invalid enum") else "is not valid"


def _shown(name: str) -> str:
    return name[:64]
