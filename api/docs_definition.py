"""`/docs/definition`: every field of a definition file, as its JSON Schema has it, without script."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Response

from api.docs_navigation import DEFINITION
from api.docs_page import Frame
from schemas.studio.definition_schema import definition_schema

_BOUNDS: Final = {
    "minimum": "from {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "to {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} entries",
    "maxItems": "at most {} entries",
    "minProperties": "at least {} entries",
    "maxProperties": "at most {} entries",
}
_KINDS: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
    "object": "mapping",
}
_DEFAULT_CHARACTERS_MAX: Final = 60


def definition_router(frame: Frame) -> APIRouter:
    """The page and the schema; both are made when they are asked for."""
    router = APIRouter()

    @router.get("/definition")
    def definition() -> Response:
        body = definition_body(definition_schema())
        return frame.answer("questlog: the definition file", body, DEFINITION)

    @router.get("/definition.schema.json")
    async def schema() -> Response:
        return Response(msgspec.json.encode(definition_schema()), media_type="application/schema+json")

    return router


def definition_body(schema: dict[str, Any]) -> str:
    """The page's body, in HTML. A heading for each section of the file, its struct's name as its id. Pure."""
    structs: dict[str, Any] = schema["$defs"]
    first = schema["$ref"].rpartition("/")[2]
    parts = "\n".join(_section(name, structs[name]) for name in _in_order(first, structs))
    return (
        "<h1>The definition file</h1>\n"
        "<p>A studio, its games and all that is declared of them, in YAML: <code>questlog apply FILE</code>"
        " shows what changes and appends it as events, all or nothing. Editors check a file while it is"
        ' written by its <a href="/docs/definition.schema.json">JSON Schema</a>'
        " (<code>questlog apply --schema</code>): begin it with"
        " <code># yaml-language-server: $schema=PATH</code>.</p>\n" + parts
    )


def _in_order(first: str, structs: dict[str, Any]) -> list[str]:
    """As the file is read: a section before those that it holds."""
    found: dict[str, None] = {}

    def visit(name: str) -> None:
        if name in found:
            return
        found[name] = None
        for named in _named(structs[name]):
            visit(named)

    visit(first)
    return list(found)


def _named(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"].rpartition("/")[2]
        for value in part.values():
            yield from _named(value)
    elif isinstance(part, list):
        for value in part:
            yield from _named(value)


def _section(name: str, struct: dict[str, Any]) -> str:
    required = set(struct.get("required", ()))
    rows = "\n".join(
        f"<tr><td><code>{html.escape(field)}</code></td><td>{_kind(about)}</td>"
        f"<td>{'needed' if field in required else _default(about)}</td></tr>"
        for field, about in struct["properties"].items()
    )
    text = _text(struct.get("description", ""))
    return (
        f'<h2 id="{html.escape(name)}">{html.escape(name.removesuffix("Section"))}</h2>\n<p>{text}</p>\n'
        '<div class="wide" tabindex="0"><table>\n'
        "<thead><tr><th>Field</th><th>What it is</th><th>Left out</th></tr></thead>\n"
        f"<tbody>\n{rows}\n</tbody></table></div>"
    )


def _kind(about: dict[str, Any]) -> str:
    if "anyOf" in about:
        return ", or ".join(dict.fromkeys(_kind(one) for one in about["anyOf"]))
    if "$ref" in about:
        name = html.escape(about["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name.removesuffix("Section")}</a>'
    if "enum" in about:
        return ", ".join(f"<code>{html.escape(str(choice))}</code>" for choice in about["enum"])
    bounds = ", ".join(text.format(_plain(about[rule])) for rule, text in _BOUNDS.items() if rule in about)
    said = "; ".join(text for text in (_text(about.get("description", "")), bounds) if text)
    return f"{_type(about)}: {said}" if said else _type(about)


def _type(about: dict[str, Any]) -> str:
    if about.get("type") == "array":
        entries = about.get("items") or about.get("prefixItems", [{}])[0]
        return f"list of ({_kind(entries)})" if ":" in _kind(entries) else f"list of {_kind(entries)}"
    if isinstance(about.get("additionalProperties"), dict):
        key = _text(about.get("propertyNames", {}).get("description", "text"))
        return f"mapping of ({key}) to {_kind(about['additionalProperties'])}"
    return _KINDS.get(about.get("type", ""), "any value")


def _text(plain: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(plain))


def _plain(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ") if float(value).is_integer() else str(value)


def _default(about: dict[str, Any]) -> str:
    if "default" not in about:
        return "stays as it is, or the product's own"
    text = json.dumps(about["default"], ensure_ascii=False)
    if isinstance(about["default"], dict | list) and about["default"]:
        return "its own defaults"
    return f"<code>{html.escape(text[:_DEFAULT_CHARACTERS_MAX])}</code>"
