"""All that is wrong with the shape of a definition file, in words, each with its place.

Its JSON Schema is checked by `jsonschema`, which reports every problem; msgspec, which reads it, the first.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from schemas.studio.yaml_source import Path

if TYPE_CHECKING:
    from jsonschema import ValidationError

TIME_FORMAT: Final = "questlog-time"
"""JSON Schema's own `date-time` needs a zone, which a definition may leave out."""
LISTED_MAX: Final = 20
"""So many known fields or choices are listed in a message."""
SHOWN_CHARACTERS_MAX: Final = 60
SHORTENED_MIN: Final = 3
"""Characters of the shorter of two names of which one begins with the other."""
_KINDS: Final = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping of fields",
    "null": "null",
}
_BOUNDS: Final = {
    "minimum": "must be {} or more",
    "maximum": "must be {} or less",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "minLength": "must have {} or more characters",
    "maxLength": "must have {} or fewer characters",
    "minItems": "must have {} or more entries",
    "maxItems": "must have {} or fewer entries",
    "minProperties": "must have {} or more entries",
    "maxProperties": "must have {} or fewer entries",
}


def shape_problems(data: Any, schema: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """Each place and what is wrong there. Nothing where the schema takes the data. Pure."""
    from jsonschema import Draft202012Validator, FormatChecker  # noqa: PLC0415 - only a bad file needs it

    formats = FormatChecker(formats=())
    formats.checks(TIME_FORMAT)(_is_time)
    for error in Draft202012Validator(schema, format_checker=formats).iter_errors(data):
        yield from _problems_of(error)


def _is_time(value: object) -> bool:
    try:
        msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        return not isinstance(value, str)  # what is no text is another rule's problem
    return True


def _problems_of(error: ValidationError) -> Iterator[tuple[Path, str]]:
    path: Path = tuple(error.absolute_path)
    rule, wanted, given = str(error.validator), error.validator_value, error.instance
    if rule == "anyOf":
        yield from _alternatives(error, path)
    elif rule in {"additionalProperties", "required"}:
        yield from _fields(error, path)
    elif rule == "enum":
        yield path, f"{_shown(given)} is not one of the choices{_choices(given, wanted)}"
    elif rule == "type":
        yield path, _of_another_kind(wanted, given)
    elif rule in {"pattern", "format"}:
        # Of a mapping's key the path is the mapping's.
        of_key = "propertyNames" in error.absolute_schema_path
        described = error.schema.get("description", "of another form")
        yield (*path, given) if of_key else path, f"must be {described}, not {_shown(given)}"
    elif rule in _BOUNDS:
        yield path, f"{_BOUNDS[rule].format(wanted)}{_is(given)}"
    else:
        yield path, error.message


def _fields(error: ValidationError, path: Path) -> Iterator[tuple[Path, str]]:
    given = error.instance
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        for name in given:
            if name not in known:
                yield (*path, name), f"is not a field that is known here{_choices(name, known)}"
        return
    # One error for each missing field; its name is in the message alone.
    missing = next(name for name in error.validator_value if error.message.startswith(f"'{name}' is"))
    yield (*path, missing), "is missing"


def _alternatives(error: ValidationError, path: Path) -> Iterator[tuple[Path, str]]:
    """The problems of the one alternative that was meant: of the given value's kind. Else all kinds."""
    branches: dict[Any, list[ValidationError]] = {}
    for one in error.context:
        branches.setdefault(one.relative_schema_path[0], []).append(one)
    meant = [found for found in branches.values() if not any(_other_kind(one) for one in found)]
    if meant:
        for one in meant[0]:
            yield from _problems_of(one)
        return
    kinds = [one.validator_value for found in branches.values() for one in found if _other_kind(one)]
    if len(kinds) == len(branches):
        yield path, _of_another_kind(kinds, error.instance)
        return
    yield path, f"{_shown(error.instance)} is not possible here"


def _other_kind(error: ValidationError) -> bool:
    return error.validator == "type" and not error.relative_path


def _of_another_kind(wanted: str | Iterable[str], given: Any) -> str:
    """What is wanted and what there is; where quotes alone make the difference, that they do."""
    kinds = [wanted] if isinstance(wanted, str) else list(wanted)
    shown, hint = _shown(given), ""
    if isinstance(given, str) and _is_of(kinds, given):
        shown, hint = f'the text `"{given}"`', ": leave the quotes out"
    elif isinstance(given, int | float) and "string" in kinds:
        hint = ": a text that looks like this needs quotes"
    return f"must be {_kinds(kinds)}, not {shown}{hint}"


def _is_of(kinds: Iterable[str], text: str) -> bool:
    """Whether a text would be of one of the kinds without its quotes."""
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return False
    number = isinstance(value, int | float) and not isinstance(value, bool)
    is_of = {"boolean": isinstance(value, bool), "number": number, "integer": number and value == int(value)}
    return any(is_of.get(kind, False) for kind in kinds)


def _kinds(wanted: str | Iterable[str]) -> str:
    names = [wanted] if isinstance(wanted, str) else list(dict.fromkeys(wanted))
    return " or ".join(_KINDS.get(name, name) for name in names)


def _choices(given: Any, known: Iterable[Any]) -> str:
    names = [str(name) for name in known]
    near = _near(str(given), names) or _longer(str(given), names) or _shortened(str(given), names)
    hint = f"; did you mean {near[0]}?" if near else ""
    listed = ", ".join(names) if len(names) <= LISTED_MAX else ", ".join(names[:LISTED_MAX]) + ", …"
    return f"{hint} ({listed})" if listed else hint


def _near(given: str, names: Iterable[str]) -> list[str]:
    """The name that is written almost like it, in capitals or not."""
    folded = {name.casefold(): name for name in names}
    return [folded[one] for one in difflib.get_close_matches(given.casefold(), folded, n=1, cutoff=0.6)]


def _shortened(given: str, names: Iterable[str]) -> list[str]:
    """Names that what is given begins with, or that begin with it: desc, where descending is given."""
    return [
        name
        for name in names
        if min(len(given), len(name)) >= SHORTENED_MIN and (given.startswith(name) or name.startswith(given))
    ]


def _longer(given: str, names: Iterable[str]) -> list[str]:
    """Names of which what is given is the last word: key, where there is eventKey."""
    return [name for name in names if given and name.endswith(given[:1].upper() + given[1:])]


def _is(given: Any) -> str:
    return f", not {_shown(given)}" if isinstance(given, int | float) else ""


def _shown(given: Any) -> str:
    if given is None:
        return "null"
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, dict | list):
        return _KINDS["object" if isinstance(given, dict) else "array"]
    text = f"`{given}`"
    return text if len(text) <= SHOWN_CHARACTERS_MAX else f"{text[:SHOWN_CHARACTERS_MAX]}…`"
