"""Settings of every process, from `QUESTLOG_*` variables: rooms other than deploy never read the environment.

The supervisor passes a child its settings by the same variables (`Settings.environment`), so a process
started by hand, by Compose or by Kubernetes is configured exactly as one that `questlog up` starts.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import ipaddress
import os
import re
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, get_type_hints

from deploy.clickhouse_settings import CLICKHOUSE_LIMITS
from deploy.redis_settings import RedisSettings, groups_problem
from schemas.edge.limits import BODIES_IN_FLIGHT_BYTES, CONNECTIONS_PER_ADDRESS
from schemas.topics import PARTITIONS_MAX

PREFIX: Final = "QUESTLOG_"
DEFAULT_HTTP_PORT: Final = 4000
_PARTITIONS: Final = re.compile(rf"{PREFIX}(?:PARTITIONS_([A-Z]+)|(TELEMETRY|LIVEOPS)_PARTITIONS)")
"""A noun's partition count; of two nouns the name of older releases as well."""


class SettingsError(ValueError):
    """A variable holds what it may not; the message names the variable and what it takes."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Settings(RedisSettings):
    """What a process needs to know. Defaults are the embedded stack's, reachable on this machine only."""

    home: Path = Path(".questlog")
    """Folder of all state: stores, objects, snapshots, logs, secret, demo.json."""
    base_url: str = f"http://localhost:{DEFAULT_HTTP_PORT}"
    """How clients reach the edge."""
    host: str = "127.0.0.1"
    port: int = DEFAULT_HTTP_PORT
    secret: str = ""
    """Deployment secret, from which shown-once keys are derived. Empty: read from `<home>/secret`."""
    old_secrets: tuple[str, ...] = ()
    """Former deployment secrets, newest first: what they sealed still opens. Empty: `<home>/old-secrets`,
    one a line."""
    partitions: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """By noun, of its topics, where not the default: `QUESTLOG_PARTITIONS_LIVEOPS`. Fixed for ever once they
    exist. What a noun takes is checked where its topics are (`deploy.nouns`)."""
    telemetry_retention_days: int = 0
    """How long the topic `telemetry` keeps records; 0: for ever. ClickHouse keeps what it has taken in, and
    can't be rebuilt from the log once that is trimmed. All other topics but hosts' are kept for ever."""
    telemetry_bucket_ms: int = 1000
    """Width of a batch in log time."""
    admin_port: int = 0
    """Where this process serves /metrics and /healthz on 127.0.0.1; 0 turns it off."""
    admin_host: str = "127.0.0.1"
    instance: int = 0
    """Ordinal of this process among its role's; gives static group membership."""
    trusted_proxies: tuple[str, ...] = ()
    """CIDR ranges whose forwarding headers are believed."""
    object_store: str = ""
    """Folder, or `s3://bucket/prefix?endpoint=https://…&region=…`. Empty: `<home>/objects`."""
    object_store_key: str = ""
    """Access key id of an s3:// object store. Empty: the credentials of the machine's role."""
    object_store_secret: str = ""
    object_store_floor_mib: int = 256
    """Of a folder's volume: objects leave so much of it to the stores."""
    exports_per_day: int = 96
    """How many exports may begin in a UTC day: `/api/export` takes no key."""
    operator_token: str = ""
    """What the operator shows as a Bearer token where a contract names it. Empty: those routes are 404."""
    fleet_secret: str = ""
    """What variables and registry credentials of game servers are sealed under: hosts have it, and not the
    deployment secret. Empty: it follows from that one."""
    fleet_host: str = ""
    """This machine's name in the fleet. Empty: its host name and `instance`."""
    fleet_address: str = "127.0.0.1"
    """Where players reach this machine: a name or an IP address."""
    fleet_regions: tuple[str, ...] = ()
    """That its servers are in. Empty: all."""
    fleet_ports: str = "31000-31999"
    """External ports of its servers, both ends included."""
    fleet_driver: str = ""
    """`oci` (containers), `process`, or `agones` (the Kubernetes cluster that this process is in).
    Empty: `oci` where root and tools allow, else `process`."""
    fleet_agones_image: str = ""
    """Image that a cluster's servers run in, `registry/name@sha256:…`: with sh, curl, coreutils, tar, zstd,
    and what games are linked against."""
    fleet_agones_url: str = ""
    """The cluster's API. Empty: as pods reach it."""
    fleet_agones_account: str = ""
    """Folder with `token`, `namespace` and `ca.crt`. Empty: where pods have it."""
    fleet_egress: str = "public"
    """What its containers reach: `public` addresses and the host's resolvers, or `none`."""
    fleet_cpu_millis: int = 0
    """What its servers may use, in thousandths of a core. 0: all cores."""
    fleet_memory_mib: int = 0
    """The same for memory. 0: three quarters of the machine's."""
    fleet_overcommit: int = 0
    """1: its memory may be promised to more servers than have room in it, after that of all other hosts;
    0: once."""
    fleet_builds: int = 1
    """1: this machine processes builds, one at a time, in the home; 0: it leaves them to others."""
    fleet_registries: tuple[str, ...] = ()
    """Registries, as `host` or `host:port`, that images may come from though their addresses are private.
    One on the loopback may be without TLS. All others are HTTPS at public addresses."""
    fleet_registry_certificates: str = ""
    """File of PEM certificates that registries are trusted by instead of the system's."""
    fleet_certificate_file: str = ""
    """PEM certificate, with its chain, that relays end TLS with on servers' ports: valid for `fleet_address`.
    Empty: this machine runs no servers whose ports ask for TLS."""
    fleet_certificate_key_file: str = ""
    """Its key, which its owner alone may read. Empty: it is in the same file."""
    fleet_cache_mib: int = 20_480
    """Unpacked builds that no server uses are removed beyond this, the longest unused first."""
    fleet_away_s: int = 600
    """Servers without an agent for so long end; 0: never."""
    fleet_stop_servers: int = 0
    """1: the servers end with their agent; 0: they go on until the next one adopts them."""
    payments_secret: str = ""
    """What the payment provider's adapter signs with. Empty: its route is 404."""
    transcriber: str = ""
    """Command that the effects role runs for each recording, split as a shell would; empty: no transcripts.
    `streams.playtests.transcriber` says what it gets and prints."""
    webhook_networks: tuple[str, ...] = ()
    """CIDR ranges of private addresses that webhooks may go to nevertheless."""
    connections_per_address: int = CONNECTIONS_PER_ADDRESS
    """To one edge process; IPv6 counts by /64. Behind a trusted proxy: requests at the same time."""
    bodies_in_flight_bytes: int = BODIES_IN_FLIGHT_BYTES
    """Bodies that an edge process holds unanswered: a key half of it, an address a quarter."""
    log_level: str = "info"
    cors: tuple[str, ...] = ("*",)
    """Origins that browsers may call client-safe routes from."""

    @property
    def object_store_location(self) -> str:
        """The object store with its default filled in."""
        return self.object_store or str(self.home / "objects")

    def deployment_secret(self) -> bytes:
        """The deployment secret's bytes.

        Raises SettingsError where there is none yet (`questlog up` makes it).
        """
        if self.secret:
            return self.secret.encode()
        path = self.home / "secret"
        try:
            return path.read_bytes().strip()
        except FileNotFoundError:
            raise SettingsError(
                f"there is no deployment secret: set {PREFIX}SECRET, or let `questlog up` make {path}"
            ) from None

    def old_deployment_secrets(self) -> list[bytes]:
        """Former deployment secrets, newest first."""
        if self.old_secrets:
            return [one.encode() for one in self.old_secrets]
        try:
            lines = (self.home / "old-secrets").read_bytes().splitlines()
        except FileNotFoundError:
            return []
        return [line.strip() for line in lines if line.strip()]

    @property
    def transcriber_command(self) -> list[str]:
        """The transcriber with its arguments; empty for none."""
        return shlex.split(self.transcriber)

    def store_password(self, store: str) -> str:
        """The password of an embedded store's owner. Raises SettingsError as `deployment_secret` does."""
        return self.derived_secret(f"questlog store {store}")

    def derived_secret(self, purpose: str) -> str:
        """160 bits that follow from the deployment secret and what they are for.

        Raises SettingsError as `deployment_secret` does.
        """
        return hmac.new(self.deployment_secret(), purpose.encode(), hashlib.sha256).hexdigest()[:40]

    def environment(self) -> dict[str, str]:
        """These settings as variables for a child process; `from_environment` reads the same back."""
        fields = {
            PREFIX + field.name.upper(): _render(getattr(self, field.name))
            for field in dataclasses.fields(self)
            if field.name != "partitions"
        }
        return fields | {partitions_variable(noun): str(count) for noun, count in self.partitions.items()}


def from_environment(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Settings from `QUESTLOG_*` variables, then from keyword overrides that are not None.

    Raises SettingsError naming the variable that cannot be read.
    """
    source = os.environ if environ is None else environ
    hints = get_type_hints(Settings)
    values: dict[str, Any] = {}
    counts = _partitions(source) | overrides.pop("partitions", {})
    for field in dataclasses.fields(Settings):
        raw = source.get(PREFIX + field.name.upper())
        if raw is not None:
            values[field.name] = _parse(field.name, hints[field.name], raw)
    values.update({name: value for name, value in overrides.items() if value is not None})
    settings = Settings(**values, partitions=counts)
    _check(settings)
    if problem := groups_problem(settings.redis_groups, settings.redis_sentinels):
        raise SettingsError(problem)
    return settings


def partitions_variable(noun: str) -> str:
    """The variable of a noun's partition count."""
    return f"{PREFIX}PARTITIONS_{noun.upper()}"


def make_secret(home: Path) -> None:
    """Make `<home>/secret` (256 random bits, mode 0600) unless it exists. Called twice: nothing changes."""
    home.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(home / "secret", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(32))
        file.flush()
        os.fsync(file.fileno())


def _render(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _parse(name: str, kind: Any, raw: str) -> Any:
    if kind is int:
        try:
            return int(raw)
        except ValueError:
            raise SettingsError(f"{PREFIX}{name.upper()} must be a whole number, not {raw!r}") from None
    if kind is Path:
        return Path(raw)
    if kind is str:
        return raw
    return tuple(item.strip() for item in raw.split(",") if item.strip())


def _partitions(source: Mapping[str, str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for variable, raw in source.items():
        if (named := _PARTITIONS.fullmatch(variable)) is None:
            continue
        noun = (named[1] or named[2]).lower()
        count: int = _parse(variable.removeprefix(PREFIX), int, raw)
        if found.setdefault(noun, count) != count:
            raise SettingsError(
                f"{partitions_variable(noun)} and {PREFIX}{noun.upper()}_PARTITIONS, its older name, differ:"
                f" {found[noun]} and {count}"
            )
    return found


def _check(settings: Settings) -> None:
    for noun, count in settings.partitions.items():
        if not 1 <= count <= PARTITIONS_MAX:
            raise SettingsError(
                f"{partitions_variable(noun)} must be from 1 to {PARTITIONS_MAX}, not {count}"
            )
    for name, lowest, highest in (
        *CLICKHOUSE_LIMITS,
        ("port", 0, 65535),
        ("admin_port", 0, 65535),
        ("telemetry_bucket_ms", 10, 60_000),
        ("telemetry_retention_days", 0, 36_500),
        ("replication", 1, 15),
        ("insync_replicas", 0, settings.replication),
        ("instance", 0, 10_000),
        ("connections_per_address", 1, 1_000_000),
        ("bodies_in_flight_bytes", 32 * 1024 * 1024, 64 * 1024**3),
        ("object_store_floor_mib", 0, 1_000_000),
        ("exports_per_day", 0, 1_440),
        ("fleet_cpu_millis", 0, 1_000_000),
        ("fleet_memory_mib", 0, 100_000_000),
        ("fleet_overcommit", 0, 1),
        ("fleet_builds", 0, 1),
        ("fleet_cache_mib", 0, 100_000_000),
        ("fleet_away_s", 0, 86_400),
        ("fleet_stop_servers", 0, 1),
    ):
        value = getattr(settings, name)
        if not lowest <= value <= highest:
            raise SettingsError(f"{PREFIX}{name.upper()} must be from {lowest} to {highest}, not {value}")
    for name in ("trusted_proxies", "webhook_networks"):
        for network in getattr(settings, name):
            try:
                ipaddress.ip_network(network)
            except ValueError:
                raise SettingsError(f"{PREFIX}{name.upper()}: {network!r} is no CIDR range") from None
    try:
        shlex.split(settings.transcriber)
    except ValueError as error:
        raise SettingsError(f"{PREFIX}TRANSCRIBER can't be split into arguments: {error}") from None
    if settings.log_level not in {"debug", "info", "warning", "error"}:
        raise SettingsError(f"{PREFIX}LOG_LEVEL must be debug, info, warning or error")
