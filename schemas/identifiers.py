"""Names that follow from other names: command ids, new ids, key values, partitions. All pure.

Source: architecture rules 2, 3 and 12, and the credential table of the common contract.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
import zlib
from typing import Final

from schemas.edge.ports import KeyKind

COMMANDS_NAMESPACE: Final = uuid.UUID("5b0a1f2e-6f0c-5f0e-9c55-6f3f0b0f7a11")
"""NOTE: stored. Another namespace would make every retry a new command."""
_COMMANDS_NAMESPACE: Final = COMMANDS_NAMESPACE.bytes

KEY_PREFIXES: Final[dict[KeyKind, str]] = {
    KeyKind.MANAGEMENT: "pl_mgmt_",
    KeyKind.INGEST: "pl_ik_",
    KeyKind.PLAYTEST_OWNER: "wpg_sk_",
    KeyKind.PLAYTESTER: "wpg_pt_",
    KeyKind.SDK_LIVE: "lo_live_",
    KeyKind.SDK_TEST: "lo_test_",
    KeyKind.SDK_SERVER: "lo_srv_",
    KeyKind.PUBLIC_TOKEN: "pub_",
    KeyKind.SECRET_API: "sk_",
    KeyKind.HOSTING_SERVER: "pf_",
    KeyKind.HOSTING_CLIENT: "pfclient_",
}

ACCOUNT_WIDE_KINDS: Final = frozenset({KeyKind.MANAGEMENT, KeyKind.INGEST, KeyKind.PLAYTEST_OWNER})
"""Kinds that belong to a studio; `wpg_pt` belongs to a playtester of a studio; all others to one game."""

STUDIO_ID_PREFIX: Final = "user_"
GAME_ID_PREFIX: Final = "game_"
KEY_ID_PREFIX: Final = "key_"

_KEY_DIGITS: Final = 40


def keyed_command_id(*, game_id: str, subject: str, operation: str, idempotency_key: str) -> str:
    """The id of a command whose client gave an idempotency key: the same request, the same command.

    `operation` holds the path ids, so that one key used on two paths makes two commands.
    """
    name = (
        f"{len(game_id)}:{game_id}{len(subject)}:{subject}"
        f"{len(operation)}:{operation}{len(idempotency_key)}:{idempotency_key}"
    )
    # What `str(uuid.uuid5(…))` gives, at a third of its time: every write of the edge comes by here.
    digest = hashlib.sha1(_COMMANDS_NAMESPACE + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def random_command_id(randomness: bytes) -> str:
    """The id of a command without an idempotency key: UUID v4 text of 16 random bytes."""
    return str(uuid.UUID(bytes=randomness, version=4))


def derived_id(prefix: str, seed: bytes, *names: str) -> str:
    """A new opaque id, drawn from a command's seed: the same command always draws the same id."""
    digest = hashlib.sha256(seed)
    for name in names:
        digest.update(f"{len(name)}:{name}".encode())
    return prefix + base64.b32encode(digest.digest()[:10]).decode().lower()


def key_value(secret: bytes, kind: KeyKind, command_id: str) -> str:
    """The secret that is shown once, recomputable for a keyed retry and never in the log (160 bits).

    `secret` is the deployment's; `command_id` is the command that created or rotated the key.
    """
    digest = hmac.new(secret, command_id.encode(), hashlib.sha256).hexdigest()
    return KEY_PREFIXES[kind] + digest[:_KEY_DIGITS]


def key_hash(value: str) -> str:
    """What is stored of a key: SHA-256 of its value, 64 hexadecimal digits."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def key_kind(value: str) -> KeyKind | None:
    """The kind a presented value claims by its prefix; None when it looks like no key of ours."""
    for kind, prefix in KEY_PREFIXES.items():
        if value.startswith(prefix):
            return kind
    return None


def partition_of(name: str, partitions: int) -> int:
    """The partition of an aggregate. NOTE: stored by its effect; never change it for a topic that exists."""
    return zlib.crc32(name.encode()) % partitions
