"""Reads S5's bodies and queries in zod's words, every problem at once. Pure.

Source: contract/fleet.md, "Checks": 422 names `loc`, `msg` and `type` of each. Unknown fields are ignored,
null is as left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final, Literal, NoReturn, TypeVar, Union, get_args, get_origin
from urllib.parse import parse_qsl

import msgspec
import orjson

from schemas.edge import zod_query
from schemas.edge.errors import Refused
from schemas.edge.routes import Route
from schemas.edge.zod import Issue, custom, issue_of, not_an_option, required, too_big, type_of, wrong_type
from schemas.identifiers import idempotency_key_problem
from schemas.numbers import whole_within

Path = Sequence[str | int]
_QUERY_FIELDS_MAX: Final = 50
_INTEGERS_DEPTH: Final = 3
_ANY: Final = dict[str, Any]
"""JSON that is kept as it came."""
ISSUES_MAX: Final = 100
"""Of one answer."""


class Detail(msgspec.Struct, frozen=True, kw_only=True):
    """One problem of a request that is not valid."""

    loc: list[str | int]
    """Where it is; empty where the body is no JSON object."""
    msg: str
    type: str


class Fields(msgspec.Struct, frozen=True, kw_only=True):
    """Base of bodies and of what is in them."""

    def problems(self) -> Iterable[Issue]:
        """What is wrong beyond a field's type, asked where each by itself is right; paths from here."""
        return ()


FieldsT = TypeVar("FieldsT", bound=Fields)


def refuse(issues: Sequence[Issue]) -> NoReturn:
    """Raise `Refused` (422) with every problem."""
    details = [Detail(loc=[*issue.path], msg=issue.message, type=issue.code) for issue in issues[:ISSUES_MAX]]
    raise Refused(422, "Validation error", detail=msgspec.to_builtins(details))


def read_body(kind: type[FieldsT], data: bytes) -> FieldsT:
    """The body as its shape; an empty one is `{}`. Raises `Refused` (422).

    What comes after `ISSUES_MAX` problems is not looked at, nor the items of a list or object with too many.
    """
    try:
        value = orjson.loads(data or b"{}")
    except orjson.JSONDecodeError as error:
        refuse([Issue(code="invalid_json", path=[], message=f"The body is not JSON: {error}")])
    issues: list[Issue] = []
    body = _fields_of(kind, value, [], issues)
    if body is None or issues:
        refuse(issues)
    return body


def read_query(route: Route, text: bytes) -> Mapping[str, Any]:
    """The route's query parameters, the default of each that is missing. Unknown names are ignored.

    Of one that comes twice the last counts. Raises `Refused` (422).
    """
    try:
        pairs = parse_qsl(
            text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_QUERY_FIELDS_MAX
        )
    except ValueError as error:
        refuse([custom([], f"The query can't be read: {error}")])
    parameters = [one for one in route.parameters if one.place == "query"]
    try:
        return zod_query.read(parameters, dict(pairs))
    except zod_query.Invalid as invalid:
        refuse(invalid.issues)


def read_idempotency_key(values: list[bytes]) -> str:
    """The key of the `Idempotency-Key` headers; empty where there is none. Raises `Refused` (422)."""
    if not values:
        return ""
    key = values[0].decode("latin-1").strip(" \t")
    problem = "came twice with different values" if len({*values}) > 1 else idempotency_key_problem(key)
    if problem is not None:
        refuse([custom(["Idempotency-Key"], f"Idempotency-Key {problem}")])
    return key


def _fields_of(kind: type[FieldsT], value: Any, path: Path, issues: list[Issue]) -> FieldsT | None:
    """An object as its shape; None where something is wrong with it, which `issues` gets."""
    if not isinstance(value, dict):
        issues.append(wrong_type(path, "object", type_of(value)))
        return None
    before = len(issues)
    found: dict[str, Any] = {}
    for field in _fields(kind):
        given = value.get(field.encode_name)
        if given is not None:
            found[field.name] = _value(field.type, given, [*path, field.encode_name], issues)
        elif field.required:
            issues.append(required([*path, field.encode_name]))
    if len(issues) > before:
        return None
    made = kind(**found)
    issues += (msgspec.structs.replace(one, path=[*path, *one.path]) for one in made.problems())
    return made if len(issues) == before else None


def _value(kind: Any, given: Any, path: Path, issues: list[Issue]) -> Any:
    """A field's value; None where something is wrong with it, which `issues` gets."""
    inner = _inner(kind)
    if isinstance(inner, type) and issubclass(inner, Fields):
        return _fields_of(inner, given, path, issues)
    if get_origin(inner) is Literal:
        return _option(get_args(inner), given, path, issues)
    item = _inner(get_args(inner)[0]) if get_origin(inner) is list else None
    if isinstance(item, type) and issubclass(item, Fields) and isinstance(given, list):
        return _list_of(kind, item, given, path, issues)
    if get_origin(inner) is dict and inner != _ANY and isinstance(given, dict):
        return _map_of(kind, get_args(inner), given, path, issues)
    try:
        return msgspec.convert(given if inner == _ANY else whole_within(given, _INTEGERS_DEPTH), kind)
    except msgspec.ValidationError as error:
        issues.append(issue_of(error, path))
        return None


def _list_of(
    kind: Any, item: type[FieldsT], given: list[Any], path: Path, issues: list[Issue]
) -> list[FieldsT | None]:
    found: list[FieldsT | None] = []
    most = _items_max(kind)
    if most is not None and len(given) > most:
        issues.append(too_big(path, "array", most, f"contain at most {most} element(s)"))
        return found
    for index, one in enumerate(given):
        if len(issues) >= ISSUES_MAX:
            break
        found.append(_fields_of(item, one, [*path, index], issues))
    return found


def _map_of(
    kind: Any, of: tuple[Any, Any], given: dict[str, Any], path: Path, issues: list[Issue]
) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    most = _items_max(kind)
    if most is not None and len(given) > most:
        issues.append(too_big(path, "object", most, f"contain at most {most} key(s)"))
        return found
    for name, one in given.items():
        if len(issues) >= ISSUES_MAX:
            break
        at = [*path, name]
        found[_value(of[0], name, at, issues)] = _value(of[1], one, at, issues)
    return found


def _option(options: Sequence[str], given: Any, path: Path, issues: list[Issue]) -> str | None:
    if isinstance(given, str) and given in options:
        return given
    issues.append(not_an_option(path, options, given if isinstance(given, str) else type_of(given)))
    return None


def _inner(kind: Any) -> Any:
    """A type without `Annotated` and without None and UNSET beside it."""
    while hasattr(kind, "__metadata__"):
        kind = get_args(kind)[0]
    only = _only(kind)
    return kind if only is None else _inner(only)


def _items_max(kind: Any) -> int | None:
    """How many items a list or object may have; None where its type does not say."""
    for about in getattr(kind, "__metadata__", ()):
        if isinstance(about, msgspec.Meta) and about.max_length is not None:
            return about.max_length
    only = _only(kind)
    return None if only is None else _items_max(only)


def _only(kind: Any) -> Any:
    """What may stand beside None and UNSET; None where `kind` is no such union."""
    if get_origin(kind) is not Union and type(kind).__name__ != "UnionType":
        return None
    options = [one for one in get_args(kind) if one not in (type(None), msgspec.UnsetType)]
    return options[0] if len(options) == 1 else None


@cache
def _fields(kind: type[Fields]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """A shape's fields. Shapes are few."""
    return msgspec.structs.fields(kind)
