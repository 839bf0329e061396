"""What S5's writes are sent: bodies with every rule that a body alone can break. Pure.

Source: the S5 reference and contract/fleet.md, "Start", "Settings", "Builds".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import orjson
from msgspec import Meta

from schemas.edge.zod import Issue, custom, no_match, too_big
from schemas.fleet import limits
from schemas.fleet.arguments import Unbalanced, words
from schemas.fleet.port_clashes import VARIABLE, clashes, variable_part
from schemas.fleet.sizes import ComputeSize, Region
from schemas.fleet.validation import Fields

Name = Annotated[str, Meta(min_length=1, max_length=limits.NAME_CHARACTERS_MAX)]
MatchId = Annotated[str, Meta(min_length=1, max_length=limits.MATCH_ID_CHARACTERS_MAX)]
Seconds = Annotated[int, Meta(ge=limits.TTL_MIN_S, le=limits.TTL_MAX_S)]
Version = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Arguments = Annotated[str, Meta(max_length=limits.STARTUP_ARGS_CHARACTERS_MAX)]
PortName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9_-]{1,32}\Z",
        description="1 to 32 of lower-case letters, digits, `_` and `-`",
    ),
]
PortNumber = Annotated[int, Meta(ge=1, le=65535)]
Json = dict[str, Any]
Variables = Annotated[dict[str, str], Meta(max_length=limits.VARIABLES_MAX)]

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED: Final = re.compile(r"(?:QUESTLOG_|PLAYFLOW_|AGONES_|LD_).*|PATH|HOME")
"""Names that the host sets, or that change what a process loads."""
_EMPTY: Final[Mapping[str, str]] = {}


class PortBody(Fields, frozen=True, kw_only=True):
    """A port that a server listens on."""

    name: PortName
    internal_port: PortNumber
    protocol: Literal["udp", "tcp"]
    tls_enabled: Annotated[
        bool,
        Meta(
            description="Of tcp: players speak TLS (1.2 or later) at the external port, with the "
            "deployment's certificate, which is valid for `host`; the server speaks plain TCP at the "
            "internal one, to which a relay beside it connects. 422 where no host of the region has a "
            "certificate."
        ),
    ] = False
    proxy_protocol: Annotated[
        bool,
        Meta(
            description="With `tls_enabled`: each connection to the server begins with the header of the "
            "PROXY protocol, version 2, which has the player's address and port. Without it the server sees "
            "the relay as its peer."
        ),
    ] = False

    def problems(self) -> Iterator[Issue]:
        """TLS is for tcp, and the relay that ends it knows of players."""
        if self.tls_enabled and self.protocol != "tcp":
            yield custom(["tls_enabled"], "is for tcp ports: choose the protocol tcp, or leave it out")
        if self.proxy_protocol and not self.tls_enabled:
            yield custom(["proxy_protocol"], "is for ports with tls_enabled: others see their players")


Ports = Annotated[list[PortBody], Meta(max_length=limits.PORTS_MAX)]


class LaunchBody(Fields, frozen=True, kw_only=True):
    """What a start and a restart have in common. What is left out is as the project says, or as it was."""

    version_tag: Name | None = None
    version: Version | None = None
    startup_args: Arguments | None = None
    ttl: Seconds | None = None
    auto_restart: bool | None = None
    custom_data: Json | None = None
    match_id: MatchId | None = None
    environment_variables: Variables | None = None
    port_configs: Ports | None = None

    def problems(self) -> Iterator[Issue]:
        """Every rule beyond one field's type."""
        yield from unprintable("version_tag", self.version_tag)
        yield from unprintable("match_id", self.match_id)
        yield from _arguments(self.startup_args)
        yield from custom_data_problems(self.custom_data)
        yield from _variables(self.environment_variables or _EMPTY)
        yield from _ports(self.port_configs or ())


class StartBody(LaunchBody, frozen=True, kw_only=True):
    """A server to start. `compute_size` is small where it is left out."""

    name: Name
    region: Region
    compute_size: ComputeSize = "small"

    def problems(self) -> Iterator[Issue]:
        """Those of every launch, and the name's."""
        yield from unprintable("name", self.name)
        yield from LaunchBody.problems(self)


class RestartBody(LaunchBody, frozen=True, kw_only=True):
    """What another attempt of a server has otherwise."""

    name: Name | None = None

    def problems(self) -> Iterator[Issue]:
        """Those of every launch, and the name's."""
        yield from unprintable("name", self.name)
        yield from LaunchBody.problems(self)


class UpdateBody(Fields, frozen=True, kw_only=True):
    """A server's custom data, which replaces what it had."""

    custom_data: Json

    def problems(self) -> Iterator[Issue]:
        """Size and depth."""
        yield from custom_data_problems(self.custom_data)


class StatusBody(Fields, frozen=True, kw_only=True):
    """What v2's PUT may carry."""

    custom_data: Json | None = None
    server_status: Literal["running", "stopped"] | None = None
    """Of the header `X-Server-Status`."""

    def problems(self) -> Iterator[Issue]:
        """Size and depth."""
        yield from custom_data_problems(self.custom_data)


class CredentialsBody(Fields, frozen=True, kw_only=True):
    """How a private registry is asked."""

    username: Annotated[str, Meta(min_length=1, max_length=limits.CREDENTIAL_CHARACTERS_MAX)]
    password: Annotated[str, Meta(min_length=1, max_length=limits.CREDENTIAL_CHARACTERS_MAX)]


class ImageBody(Fields, frozen=True, kw_only=True):
    """An image to make a build of. The name is `default` where it is left out."""

    image_url: Annotated[str, Meta(min_length=1, max_length=limits.IMAGE_URL_CHARACTERS_MAX)]
    name: Name = "default"
    executable_path: (
        Annotated[str, Meta(min_length=1, max_length=limits.EXECUTABLE_PATH_CHARACTERS_MAX)] | None
    ) = None
    registry_credentials: CredentialsBody | None = None

    def problems(self) -> Iterator[Issue]:
        """What can be no name, no image and no path."""
        yield from unprintable("name", self.name)
        if re.fullmatch(r"[!-~]+", self.image_url) is None or self.image_url.startswith("-"):
            yield no_match(["image_url"])
        yield from unprintable("executable_path", self.executable_path)


class PoolBody(Fields, frozen=True, kw_only=True):
    """How many servers are kept ready, for each region and size."""

    enabled: bool = False
    regions: dict[Region, dict[ComputeSize, Annotated[int, Meta(ge=0, le=limits.POOL_SERVERS_MAX)]]] = {}
    version_tag: Name | None = None

    def problems(self) -> Iterator[Issue]:
        """The number of servers in all."""
        yield from unprintable("version_tag", self.version_tag)
        if sum(sum(sizes.values()) for sizes in self.regions.values()) > limits.POOL_SERVERS_MAX:
            most = limits.POOL_SERVERS_MAX
            yield too_big(["regions"], "number", most, f"be less than or equal to {most} in all")


class SettingsBody(Fields, frozen=True, kw_only=True):
    """Settings to replace; those that are left out stay."""

    port_configs: Ports | None = None
    environment_variables: Variables | None = None
    pool_config: PoolBody | None = None
    auth_config: Json | None = None
    lobby_configs: Json | list[Any] | None = None
    readiness: Literal["ports", "sdk"] | None = None
    startup_timeout: (
        Annotated[int, Meta(ge=limits.STARTUP_TIMEOUT_MIN_S, le=limits.STARTUP_TIMEOUT_MAX_S)] | None
    ) = None
    stop_grace: Annotated[int, Meta(ge=0, le=limits.STOP_GRACE_MAX_S)] | None = None

    def problems(self) -> Iterator[Issue]:
        """Every rule beyond one field's type."""
        yield from _ports(self.port_configs or ())
        yield from _variables(self.environment_variables or _EMPTY)
        for name, value in (("auth_config", self.auth_config), ("lobby_configs", self.lobby_configs)):
            if value is not None:
                yield from _json_problems(name, value, limits.OTHER_CONFIG_BYTES_MAX)


def custom_data_problems(value: Json | None) -> Iterator[Issue]:
    """What is wrong with custom data: its size as JSON, and its depth."""
    if value is not None:
        yield from _json_problems("custom_data", value, limits.CUSTOM_DATA_BYTES_MAX)


def json_text(value: Any) -> str:
    """JSON as the log keeps it: without white space, members in the order they came."""
    return orjson.dumps(value).decode()


def _json_problems(name: str, value: Any, bytes_max: int) -> Iterator[Issue]:
    try:
        too_large = len(orjson.dumps(value)) > bytes_max
    except orjson.JSONEncodeError:  # deeper than its writer goes
        too_large = False
    if too_large:
        yield custom([name], f"may have at most {bytes_max} bytes as JSON")
    elif _depth(value, limits.CUSTOM_DATA_DEPTH_MAX) > limits.CUSTOM_DATA_DEPTH_MAX:
        yield custom([name], f"may be nested at most {limits.CUSTOM_DATA_DEPTH_MAX} levels deep")


def _depth(value: Any, enough: int) -> int:
    """How many objects and lists lie within each other, counted up to one more than is enough."""
    if not isinstance(value, dict | list):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + (max((_depth(one, enough - 1) for one in inner), default=0) if enough else 0)


def unprintable(name: str, value: str | None) -> Iterator[Issue]:
    """What is wrong with a text that people read and repeat."""
    if value is not None and not value.isprintable():
        yield custom([name], "may have printable characters only")


def _arguments(text: str | None) -> Iterator[Issue]:
    if text is None:
        return
    if "\0" in text:
        yield custom(["startup_args"], "may not hold NUL")
        return
    try:
        words(text)
    except Unbalanced as error:
        yield custom(["startup_args"], str(error))


def _variables(variables: Mapping[str, str]) -> Iterator[Issue]:
    name = "environment_variables"
    for variable, value in variables.items():
        if _VARIABLE.fullmatch(variable) is None or len(variable) > limits.VARIABLE_NAME_CHARACTERS_MAX:
            yield custom([name, variable[: limits.VARIABLE_NAME_CHARACTERS_MAX]], "is no name of a variable")
        elif _RESERVED.fullmatch(variable) is not None:
            yield custom([name, variable], "is reserved")
        most = limits.VARIABLE_CHARACTERS_MAX
        if len(value) > most:
            yield too_big([name, variable], "string", most, f"contain at most {most} character(s)")
        elif "\0" in value:
            yield custom([name, variable], "may not hold NUL")


def _ports(ports: Sequence[PortBody]) -> Iterable[Issue]:
    for clash in clashes(ports):
        match clash.what:
            case "name":
                yield custom(["port_configs", clash.place, "name"], "is the name of another port")
            case "variable":
                variable = VARIABLE + variable_part(clash.other)
                yield custom(
                    ["port_configs", clash.place, "name"],
                    f"has the variable {variable} of the port {clash.other}: choose another name",
                )
            case "number":
                yield custom(
                    ["port_configs", clash.place, "internal_port"], "is another port's with this protocol"
                )
