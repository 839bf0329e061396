"""S5's bodies: what is taken, and every problem of one at once, in zod's words."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.edge.errors import Refused
from schemas.fleet.bodies import ImageBody, RestartBody, SettingsBody, StartBody, UpdateBody
from schemas.fleet.limits import BODY_BYTES_MAX
from schemas.fleet.validation import ISSUES_MAX, Fields, read_body
from tests.cpu_cost import cpu_ratio

START = {"name": "lobby", "region": "us-east"}
PORT = {"name": "game", "internal_port": 7777, "protocol": "udp"}


def problems(kind: type[Fields], body: Any) -> list[tuple[str, str, str]]:
    """Of each problem: where, its type, its sentence."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(Refused) as refused:
        read_body(kind, data)
    assert (refused.value.status, refused.value.message) == (422, "Validation error")
    return [
        (".".join(map(str, one["loc"])), one["type"], one["msg"]) for one in refused.value.details["detail"]
    ]


def test_a_start_as_the_reference_has_it() -> None:
    body = read_body(
        StartBody,
        b'{"name": "us-east-lobby-1", "region": "us-east", "compute_size": "small", "version_tag": "default",'
        b' "ttl": 3600.0, "custom_data": {"map": "arena_01", "weight": 5.0}, "match_id": null, "unknown": 1}',
    )
    assert (body.ttl, body.compute_size, body.match_id, body.auto_restart) == (3600, "small", None, None)
    assert body.custom_data == {"map": "arena_01", "weight": 5.0}
    assert isinstance((body.custom_data or {})["weight"], float)
    assert read_body(StartBody, json.dumps(START).encode()).compute_size == "small"


def test_every_problem_is_named_at_once() -> None:
    found = problems(
        StartBody,
        {
            "name": "",
            "region": "moon",
            "ttl": 5,
            "auto_restart": "yes",
            "port_configs": [{"name": "UP", "internal_port": 0, "protocol": "icmp"}, 7],
            "environment_variables": {"A": 1},
        },
    )
    assert [(where, kind) for where, kind, _ in found] == [
        ("ttl", "too_small"),
        ("auto_restart", "invalid_type"),
        ("environment_variables.A", "invalid_type"),
        ("port_configs.0.name", "invalid_string"),
        ("port_configs.0.internal_port", "too_small"),
        ("port_configs.0.protocol", "invalid_enum_value"),
        ("port_configs.1", "invalid_type"),
        ("name", "too_small"),
        ("region", "invalid_enum_value"),
    ]
    assert "received 'moon'" in found[-1][2]


def test_what_is_missing_is_required_and_null_is_as_left_out() -> None:
    assert problems(StartBody, {"name": None}) == [
        ("name", "invalid_type", "Required"),
        ("region", "invalid_type", "Required"),
    ]
    assert problems(UpdateBody, {}) == [("custom_data", "invalid_type", "Required")]
    assert problems(UpdateBody, {"custom_data": []})[0][:2] == ("custom_data", "invalid_type")


@pytest.mark.parametrize("data", [b"{", b"\xff", b"nul"])
def test_what_is_no_json_has_no_place(data: bytes) -> None:
    ((where, kind, _),) = problems(StartBody, data)
    assert (where, kind) == ("", "invalid_json")


@pytest.mark.parametrize("data", [b"[]", b"7", b"null", b'"x"'])
def test_what_is_no_object_is_of_the_wrong_type(data: bytes) -> None:
    ((where, kind, _),) = problems(StartBody, data)
    assert (where, kind) == ("", "invalid_type")


@pytest.mark.parametrize(
    ("fields", "where", "kind"),
    [
        ({"name": "a\tb"}, "name", "custom"),
        ({"name": "x" * 129}, "name", "too_big"),
        ({"version": 0}, "version", "too_small"),
        ({"version": 1.5}, "version", "invalid_type"),
        ({"ttl": 86_401}, "ttl", "too_big"),
        ({"match_id": "x" * 129}, "match_id", "too_big"),
        ({"startup_args": "-map 'arena"}, "startup_args", "custom"),
        ({"startup_args": "x" * 4097}, "startup_args", "too_big"),
        ({"startup_args": "a\0b"}, "startup_args", "custom"),
        ({"custom_data": {"a": "x" * 16_384}}, "custom_data", "custom"),
        ({"environment_variables": {"1A": ""}}, "environment_variables.1A", "custom"),
        ({"environment_variables": {"QUESTLOG_X": ""}}, "environment_variables.QUESTLOG_X", "custom"),
        ({"environment_variables": {"LD_PRELOAD": ""}}, "environment_variables.LD_PRELOAD", "custom"),
        ({"environment_variables": {"HOME": "/"}}, "environment_variables.HOME", "custom"),
        ({"environment_variables": {"A": "x" * 4097}}, "environment_variables.A", "too_big"),
        ({"environment_variables": {"A": "\0"}}, "environment_variables.A", "custom"),
        (
            {"environment_variables": {f"A{n}": "" for n in range(65)}},
            "environment_variables",
            "too_big",
        ),
        ({"port_configs": [PORT, PORT | {"internal_port": 1}]}, "port_configs.1.name", "custom"),
        ({"port_configs": [PORT, PORT | {"name": "b"}]}, "port_configs.1.internal_port", "custom"),
        (
            {"port_configs": [PORT | {"name": "a-b"}, PORT | {"name": "a_b", "internal_port": 1}]},
            "port_configs.1.name",
            "custom",
        ),
        (
            {"port_configs": [PORT | {"protocol": "udp", "tls_enabled": True}]},
            "port_configs.0.tls_enabled",
            "custom",
        ),
        (
            {"port_configs": [PORT | {"protocol": "tcp", "proxy_protocol": True}]},
            "port_configs.0.proxy_protocol",
            "custom",
        ),
        (
            {"port_configs": [PORT | {"name": f"p{n}", "internal_port": n + 1} for n in range(11)]},
            "port_configs",
            "too_big",
        ),
        ({"port_configs": {}}, "port_configs", "invalid_type"),
    ],
)
def test_each_rule_of_a_start(fields: dict[str, Any], where: str, kind: str) -> None:
    assert [(path, of) for path, of, _ in problems(StartBody, START | fields)] == [(where, kind)]


def test_limits_themselves_are_taken() -> None:
    nested: Any = 1
    for _ in range(15):
        nested = [nested]
    body = read_body(
        StartBody,
        json.dumps(
            START
            | {
                "name": "x" * 128,
                "ttl": 60,
                "startup_args": "-a '${MAP}' \"b c\"",
                "custom_data": {"deep": nested},
                "environment_variables": {"PATHS": "x" * 4096, "_a9": ""},
                "port_configs": [PORT, PORT | {"name": "tcp", "protocol": "tcp"}],
            }
        ).encode(),
    )
    assert len(body.port_configs or ()) == 2
    assert problems(StartBody, START | {"custom_data": {"deep": [nested]}})[0][:2] == (
        "custom_data",
        "custom",
    )


def test_a_restart_asks_for_nothing() -> None:
    assert read_body(RestartBody, b"").name is None
    assert read_body(RestartBody, b'{"ttl": 90}').ttl == 90


@pytest.mark.parametrize(
    ("body", "where", "kind"),
    [
        ({}, "image_url", "invalid_type"),
        ({"image_url": "a b"}, "image_url", "invalid_string"),
        ({"image_url": "-x"}, "image_url", "invalid_string"),
        (
            {"image_url": "x", "registry_credentials": {"username": "u"}},
            "registry_credentials.password",
            "invalid_type",
        ),
        ({"image_url": "x", "registry_credentials": "u"}, "registry_credentials", "invalid_type"),
    ],
)
def test_each_rule_of_an_image(body: dict[str, Any], where: str, kind: str) -> None:
    assert [(path, of) for path, of, _ in problems(ImageBody, body)] == [(where, kind)]


@pytest.mark.parametrize(
    ("body", "where", "kind"),
    [
        ({"readiness": "soon"}, "readiness", "invalid_enum_value"),
        ({"startup_timeout": 4}, "startup_timeout", "too_small"),
        ({"stop_grace": 61}, "stop_grace", "too_big"),
        ({"pool_config": {"regions": {"moon": {}}}}, "pool_config.regions", "invalid_enum_value"),
        (
            {"pool_config": {"regions": {"sea": {"small": 60}, "ea": {"micro": 41}}}},
            "pool_config.regions",
            "too_big",
        ),
        ({"auth_config": {"a": "x" * 65_536}}, "auth_config", "custom"),
        ({"lobby_configs": 7}, "lobby_configs", "invalid_type"),
    ],
)
def test_each_rule_of_settings(body: dict[str, Any], where: str, kind: str) -> None:
    ((found, of, _),) = problems(SettingsBody, body)
    assert (found.startswith(where), of) == (True, kind)


MANY: dict[str, Any] = {
    "ports that are empty": {"port_configs": [{}] * 200_000},
    "ports that are numbers": {"port_configs": [1] * 200_000},
    "variables of another type": {"environment_variables": {f"v{n}": 1 for n in range(80_000)}},
    "variables": {"environment_variables": {f"v{n}": "" for n in range(80_000)}},
    "regions": {"pool_config": {"regions": {f"r{n}": {} for n in range(80_000)}}},
    "lists in each other": {"auth_config": {"a": [[]] * 200_000}},
}


@pytest.mark.parametrize("what", MANY)
def test_a_body_at_its_limit_costs_little_more_than_its_json(what: str) -> None:
    data = orjson.dumps(MANY[what])
    assert len(data) <= BODY_BYTES_MAX
    assert 0 < len(problems(SettingsBody, data)) <= ISSUES_MAX
    # It is below 1; where each problem has its own text, 20 and more.
    assert cpu_ratio(lambda: problems(SettingsBody, data), lambda: json.loads(data)) < 5


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
FIELDS = st.sampled_from(
    [
        *("name", "region", "compute_size", "version_tag", "version", "startup_args", "ttl", "auto_restart"),
        *("custom_data", "match_id", "environment_variables", "port_configs", "image_url", "pool_config"),
        *("auth_config", "lobby_configs", "readiness", "stop_grace", "registry_credentials"),
    ]
)


@given(
    st.sampled_from([StartBody, RestartBody, UpdateBody, ImageBody, SettingsBody]),
    st.dictionaries(FIELDS, json_values, max_size=6),
)
def test_any_json_is_taken_or_refused_with_its_places(kind: type[Fields], value: dict[str, Any]) -> None:
    with contextlib.suppress(Refused):
        assert isinstance(read_body(kind, json.dumps(value).encode()), kind)
        return
    assert problems(kind, value)
