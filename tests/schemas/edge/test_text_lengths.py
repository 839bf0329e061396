"""A text of so many characters fits wherever it may be said: bodies, queries and OpenAPI count alike."""

from __future__ import annotations

import pytest

from schemas.edge import zod_query
from schemas.edge.parameters import Parameter, Text
from schemas.fleet.bodies import StartBody
from schemas.fleet.limits import NAME_CHARACTERS_MAX
from schemas.fleet.route_parts import UPLOAD
from schemas.fleet.validation import read_body

CHARACTERS = ("x", "é", "日", "😀")


def texts() -> list[Parameter]:
    return [one for one in UPLOAD if isinstance(one.kind, Text) and one.kind.maximum is not None]


@pytest.mark.parametrize("character", CHARACTERS)
def test_a_name_that_a_server_may_have_a_build_may_have(character: str) -> None:
    name = character * NAME_CHARACTERS_MAX
    body = f'{{"name": "{name}", "region": "eu-west"}}'.encode()
    assert read_body(StartBody, body).name == name
    assert zod_query.read(UPLOAD, {"name": name})["name"] == name


@pytest.mark.parametrize("character", CHARACTERS)
def test_one_character_more_is_too_many(character: str) -> None:
    for parameter in texts():
        assert isinstance(parameter.kind, Text)
        most = parameter.kind.maximum or 0
        with pytest.raises(zod_query.Invalid) as refused:
            zod_query.read([parameter], {parameter.name: character * (most + 1)})
        (issue,) = refused.value.issues
        assert (issue.code, issue.path) == ("too_big", [parameter.name])
