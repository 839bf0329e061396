"""An attempt as the GameServer and the Secret that are asked of the cluster. Pure.

The GameServer holds no value of a variable and no word of the arguments, which may carry secrets: both lie
in the Secret. It is named after the attempt, so the API refuses a second one. Its ports are those that the
placement gave it (`Static`), since the answer to the start named them already. The address is the node's,
which is not known before: there is no QUESTLOG_HOST.
Source: contract/fleet.md, "What the process gets", "Isolation"; Agones' CRD; Kubernetes' API reference.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

import msgspec

from streams.fleet.host.agones.objects import ATTEMPT, GAME, HOST, INSTANCE, GameServer
from streams.fleet.host.driver import CannotStart
from streams.fleet.host.environment import RUN, SERVER_FILE, variables, words
from streams.fleet.host.launch import Launch
from streams.fleet.host.oci_spec import SCRATCH_MIB

API_VERSION: Final = "agones.dev/v1"
SECRET_BYTES_MAX: Final = 1_000_000
"""Below the 1 MiB that the API takes."""
FETCH: Final = """
set -eu
printf 'url = "%s"\\n' "$QUESTLOG_BUILD_URL" |
  curl --config - --fail --silent --show-error --retry 3 --max-time 600 --output "$2/build.tar.zst"
printf '%s  %s\\n' "$QUESTLOG_BUILD_SHA256" "$2/build.tar.zst" | sha256sum --check --status
tar --extract --zstd --no-same-owner --file "$2/build.tar.zst" --directory "$1"
ln -s "$3" "$1/playflow.json"
"""
"""Fills the folder $1 with the build, by way of the folder $2; $3 is what `playflow.json` leads to."""
_GAME_FOLDER: Final = "/game"
_ARCHIVE_FOLDER: Final = "/archive"
_NOBODY: Final = 65534
_SHARE_RESERVED: Final = 4
_MIB: Final = 1024 * 1024
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LABEL: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_PINNED: Final = re.compile(r"[^\s@]+@sha256:[0-9a-f]{64}")


class Pulled(msgspec.Struct, frozen=True):
    """The build is an image that the nodes pull: `registry/name@sha256:…`."""

    image: str


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """The build is an artefact, fetched by `url` and unpacked into /game of a container of `image`.

    `image` has dash or another sh, curl, coreutils, tar and zstd, and what games are linked against. `url` is
    a signed one, and a secret.
    """

    image: str
    url: str
    size_bytes: int
    unpacked_bytes: int


Content = Pulled | Fetched


class Manifests(msgspec.Struct, frozen=True):
    """What makes an attempt: the GameServer first, then the Secret that it owns (`owned`)."""

    game_server: dict[str, Any]
    secret: dict[str, Any]


def manifests(launch: Launch, content: Content, *, namespace: str, host_id: str) -> Manifests:
    """The objects of an attempt. Raises CannotStart for one that Agones can't run as the contract says."""
    name = launch.attempt_id
    labels = {INSTANCE: launch.instance_id, ATTEMPT: str(launch.attempt), HOST: host_id}
    _check(launch, content, labels)
    values = _values(launch)
    keys = [key for key in values if not key.startswith(_WORD)]
    count = len(values) - len(keys)
    secret = {**values, SERVER_FILE: msgspec.json.encode(launch.document).decode()}
    if isinstance(content, Fetched):
        secret[_URL] = content.url
    if sum(len(text.encode()) for text in secret.values()) > SECRET_BYTES_MAX:
        raise CannotStart(f"variables and arguments have more than {SECRET_BYTES_MAX} bytes together")
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    spec: dict[str, Any] = {
        "container": GAME,
        # An attempt runs once, and Agones' check would end servers that never speak of their health.
        "health": {"disabled": True},
        "scheduling": "Packed",
        "template": {"metadata": {"labels": labels}, "spec": _pod(launch, content, name, keys, count)},
    }
    if launch.ports:
        spec["ports"] = [
            {
                "name": port.name,
                "portPolicy": "Static",
                "container": GAME,
                "containerPort": port.internal,
                "hostPort": port.external,
                "protocol": port.protocol.upper(),
            }
            for port in launch.ports
        ]
    return Manifests(
        {"apiVersion": API_VERSION, "kind": "GameServer", "metadata": metadata, "spec": spec},
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "stringData": secret},
    )


def owned(secret: dict[str, Any], server: GameServer) -> dict[str, Any]:
    """The Secret as it goes away with the server. Its pod waits until it is there."""
    owner = {
        "apiVersion": API_VERSION,
        "kind": "GameServer",
        "name": server.metadata.name,
        "uid": server.metadata.uid,
    }
    return {**secret, "metadata": {**secret["metadata"], "ownerReferences": [owner]}}


_WORD: Final = "QUESTLOG_WORD_"
_URL: Final = "build-url"


def _check(launch: Launch, content: Content, labels: dict[str, str]) -> None:
    if not _NAME.fullmatch(launch.attempt_id):
        raise CannotStart(f"{launch.attempt_id} can't name a pod: it has to be a DNS label of at most 63")
    for label, value in labels.items():
        if not _LABEL.fullmatch(value):
            raise CannotStart(f"{value!r} can't be the value of the label {label}")
    if launch.readiness != "sdk":
        raise CannotStart("Agones learns from the server alone that it is ready: set `readiness` to `sdk`")
    if launch.image != isinstance(content, Pulled):
        raise CannotStart("an image is pulled, and any other build is fetched")
    if isinstance(content, Fetched) and launch.sha256 is None:
        raise CannotStart("the build has no hash to check it by")
    if not _PINNED.fullmatch(content.image):
        raise CannotStart(f"{content.image} is not pinned: write registry/name@sha256:…")


def _values(launch: Launch) -> dict[str, str]:
    """The variables, and each word of the command line under a name of its own."""
    environment = variables(
        launch,
        host="",
        ports=launch.ports,
        server_file=f"{RUN}/{SERVER_FILE}",
        sdk_port=0,
        home=_GAME_FOLDER,
    )
    for name in ("QUESTLOG_HOST", "AGONES_SDK_HTTP_PORT"):  # Agones sets the latter itself
        del environment[name]
    try:
        line = words(launch, environment, game=_GAME_FOLDER)
    except ValueError as error:
        raise CannotStart(str(error)) from error
    return environment | {f"{_WORD}{number}": word for number, word in enumerate(line)}


def _pod(launch: Launch, content: Content, secret: str, keys: list[str], count: int) -> dict[str, Any]:
    word_names = [f"{_WORD}{number}" for number in range(count)]
    # Kubernetes puts in values as they are: what looks like a reference in one stays text.
    program, *arguments = [f"$({name})" for name in word_names]
    run = {"name": "run", "mountPath": RUN, "readOnly": True}
    game: dict[str, Any] = {
        "name": GAME,
        "image": content.image,
        "command": [program],
        "args": arguments,
        "workingDir": launch.workdir or _GAME_FOLDER,
        "env": [_from_secret(name, secret, name) for name in (*keys, *word_names)],
        "resources": _resources(launch, content),
        "securityContext": _confined(read_only=isinstance(content, Fetched)),
        "volumeMounts": [run],
    }
    items = [{"key": SERVER_FILE, "path": SERVER_FILE}]
    volumes: list[dict[str, Any]] = [
        {"name": "run", "secret": {"secretName": secret, "items": items, "defaultMode": 0o444}}
    ]
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": math.ceil(launch.stop_grace_s),
        "enableServiceLinks": False,
        "securityContext": {"fsGroup": _NOBODY, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [game],
        "volumes": volumes,
    }
    if isinstance(content, Fetched):
        at_game = {"name": "game", "mountPath": _GAME_FOLDER}
        game["volumeMounts"].append(at_game)
        volumes += [
            _empty("game", content.unpacked_bytes + SCRATCH_MIB * _MIB),
            _empty("archive", content.size_bytes + _MIB),
        ]
        spec["initContainers"] = [_fetching(launch, content, secret, at_game)]
    return spec


def _fetching(launch: Launch, content: Fetched, secret: str, at_game: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "fetch",
        "image": content.image,
        "command": ["/bin/sh", "-c", FETCH, "fetch"],
        "args": [_GAME_FOLDER, _ARCHIVE_FOLDER, f"{RUN}/{SERVER_FILE}"],
        "env": [
            _from_secret("QUESTLOG_BUILD_URL", secret, _URL),
            {"name": "QUESTLOG_BUILD_SHA256", "value": launch.sha256},
        ],
        "resources": _resources(launch, content),
        "securityContext": _confined(read_only=True),
        "volumeMounts": [at_game, {"name": "archive", "mountPath": _ARCHIVE_FOLDER}],
    }


def _resources(launch: Launch, content: Content) -> dict[str, Any]:
    """Memory is promised whole; of a shared CPU a quarter, of cores of its own all."""
    millis = round(launch.cpu_cores * 1000)
    disk_bytes = SCRATCH_MIB * _MIB
    if isinstance(content, Fetched):
        disk_bytes += content.unpacked_bytes + content.size_bytes + _MIB
    limits = {
        "cpu": f"{millis}m",
        "memory": f"{launch.memory_mib}Mi",
        "ephemeral-storage": str(disk_bytes),
    }
    reserved = millis if launch.cores else max(1, millis // _SHARE_RESERVED)
    return {"limits": limits, "requests": limits | {"cpu": f"{reserved}m"}}


def _confined(*, read_only: bool) -> dict[str, Any]:
    return {
        "runAsNonRoot": True,
        "runAsUser": _NOBODY,
        "runAsGroup": _NOBODY,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": read_only,
        "capabilities": {"drop": ["ALL"]},
    }


def _from_secret(name: str, secret: str, key: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def _empty(name: str, size_bytes: int) -> dict[str, Any]:
    return {"name": name, "emptyDir": {"sizeLimit": str(size_bytes)}}
