"""The guides' samples in C# and GDScript, and those that check webhooks.

Neither language's compiler is at hand: what they send is read out of their text, and must be a documented
call.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.documents import documents
from schemas.webhooks import signature
from tests.samples import Sample, samples

DOCUMENTS = {name: one for name, one in documents().items() if name != "dashboard"}
SENDING = [one for one in samples() if one.language in {"csharp", "gdscript"} and one.guide != "webhooks"]
LANGUAGES = {"bash", "python", "csharp", "gdscript", "typescript"}
PATH = re.compile(r'"(?:http://localhost:4000)?((?:/api/|/sdk/)[^"?]*)"')
HEADER = re.compile(r'"([A-Za-z-]+)(?:", |: )')
FIELD = re.compile(r'(?<!\[)""?([A-Za-z_]+)""?:')
SURFACE = {
    "events-json": "s1-ingest",
    "events-messagepack": "s4",
    "live-ops": "s3",
    "playtests": "s2",
    "servers": "s5",
}


def operation(surface: str, path: str) -> dict[str, Any]:
    """The documented POST of a path, names of the sample's own language standing for names."""
    plain = re.sub(r"\{\w+\}|%s", "x", path)
    for template, operations in DOCUMENTS[surface]["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if re.fullmatch(pattern, plain) and "post" in operations:
            found: dict[str, Any] = operations["post"]
            return found
    raise AssertionError(f"{surface} has no POST {path}")


def fields_of(document: dict[str, Any], node: Any) -> Iterator[str]:
    """Every field's name that a schema knows."""
    if isinstance(node, list):
        for one in node:
            yield from fields_of(document, one)
    elif isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield from fields_of(document, document["components"]["schemas"][node["$ref"].rpartition("/")[2]])
        yield from node.get("properties", {})
        for one in node.values():
            yield from fields_of(document, one)


def required_of(document: dict[str, Any], schema: dict[str, Any]) -> list[set[str]]:
    """What each kind of body must have."""
    if "$ref" in schema:
        return required_of(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return [one for option in schema["anyOf"] for one in required_of(document, option)]
    return [] if schema.get("type") == "array" else [set(schema.get("required", ()))]


FREE = {"level", "frags"}
"""Names that are the game's own."""


@pytest.mark.parametrize("sample", SENDING, ids=[f"{one.guide}-{one.language}" for one in SENDING])
def test_a_sample_sends_what_is_documented(sample: Sample) -> None:
    surface = SURFACE[sample.guide]
    document = DOCUMENTS[surface]
    paths = PATH.findall(sample.text)
    assert paths
    sent = set(FIELD.findall(sample.text))
    allowed, least = set(FREE), []
    for path in paths:
        found = operation(surface, path)
        (content,) = found["requestBody"]["content"].values()
        allowed |= set(fields_of(document, content["schema"]))
        least += required_of(document, content["schema"])
        headers = {name.lower() for name in HEADER.findall(sample.text)}
        schemes = [
            document["components"]["securitySchemes"][name] for one in found["security"] for name in one
        ]
        assert headers & {one.get("name", "authorization").lower() for one in schemes}
        media = next(iter(found["requestBody"]["content"]))
        assert media in sample.text
    assert sent <= allowed, sent - allowed
    assert any(one <= sent for one in least), (sent, least)


def test_every_surface_has_a_sample_in_every_language() -> None:
    for guide in SURFACE:
        assert {one.language for one in samples() if one.guide == guide} >= LANGUAGES, guide


def test_the_webhook_samples_take_what_is_signed_and_nothing_else(tmp_path: Path) -> None:
    body = b'{"id": "evt_1", "type": "grant.created"}'
    secret, now = "whsec_5d1f0c7e", 1_779_000_000
    good = signature(secret, now, body)
    cases = [
        (good, body, now, True),
        (good, body, now + 299, True),
        (good, body, now + 301, False),
        (good, body + b" ", now, False),
        (good.replace("v1=", "v1=0"), body, now, False),
        ("v1=abc", body, now, False),
        ("", body, now, False),
    ]
    held = {one.language: one.text for one in samples() if one.guide == "webhooks"}
    space: dict[str, Any] = {}
    exec(held["python"], space)  # noqa: S102 - the guide's own sample
    calls = []
    for header, sent, at, expected in cases:
        assert space["is_genuine"](secret, header, sent, at) is expected
        calls.append(f"isGenuine({secret!r}, {header!r}, Buffer.from({sent.decode()!r}), {at})")
    file = tmp_path / "webhook.mjs"
    file.write_text(held["typescript"] + f"\nconsole.log(JSON.stringify([{', '.join(calls)}]));\n")
    told = subprocess.run(["node", str(file)], capture_output=True, text=True, check=True)  # noqa: S603, S607 - as above
    assert told.stdout.strip() == str([expected for *_, expected in cases]).lower().replace(" ", "")
