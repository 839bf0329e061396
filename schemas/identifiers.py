"""What an id may be, and names that follow from other names: command ids, key values, partitions. All pure.

Source: architecture rules 2, 3 and 12, the credential table of the common contract, and for the length of an
id `sessionId` in contract/telemetry.md.

One rule holds for every id that a client chooses, on every surface, in bodies, paths and queries: 1 to 128
characters of text that can be seen. Refused are control and format characters (zero-width ones among them),
letters without a glyph, private use, surrogates, noncharacters, every white space but U+0020, and an id of
nothing but spaces. Ids are compared code point by code point: nothing is trimmed, folded or normalised, so
that é as one code point and as e with an accent are two ids. The rule judges what comes in; what is in a log
already is read whatever it is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
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

ID_CHARACTERS_MAX: Final = 128
NAME_CHARACTERS_MAX: Final = 256
"""The name of an event, a funnel step, a build, a level and the like."""
IDEMPOTENCY_KEY_CHARACTERS_MAX: Final = 255

_UNSEEN: Final = re.compile(
    "["
    "\x00-\x1f\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # controls, white space
    "\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180b-\u180f"  # format characters
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # letters and marks without a glyph
    "\ud800-\udfff\ue000-\uf8ff\U000f0000-\U0010ffff"  # surrogates, private use
    "\ufdd0-\ufdef\ufffe\uffff"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0xF0000, 0x10000))
    + "]"
)
"""Spelled out instead of asked of `unicodedata`: the rule must not change with the version of Python."""
_KEY_CHARACTERS: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")

_KEY_DIGITS: Final = 40


def id_problem(value: str) -> str | None:
    """What is wrong with an id that a client chose, said after the field's name; None for a good one."""
    if not 0 < len(value) <= ID_CHARACTERS_MAX:
        return f"must have 1 to {ID_CHARACTERS_MAX} characters"
    if value.isascii() and value.isprintable():
        return "must not be blank" if value.isspace() else None
    unseen = _UNSEEN.search(value)
    if unseen is None:
        return None
    return (
        f"must not contain U+{ord(unseen.group()):04X}: control, format and unseen characters, private use "
        "and white space other than U+0020 are refused"
    )


def name_problem(value: str) -> str | None:
    """What is wrong with a name's length, said after the field's name; None for a good one."""
    if len(value) <= NAME_CHARACTERS_MAX:
        return None
    return f"may have at most {NAME_CHARACTERS_MAX} characters"


def idempotency_key_problem(value: str) -> str | None:
    """What is wrong with an idempotency key, said after the field's name; None for a good one.

    A key is one and the same text in a body and in a header, both ways; so it is what every client's headers
    carry unchanged: printable ASCII without a space at either end.
    """
    if 0 < len(value) <= IDEMPOTENCY_KEY_CHARACTERS_MAX and _KEY_CHARACTERS.fullmatch(value):
        return None
    most = IDEMPOTENCY_KEY_CHARACTERS_MAX
    return f"must be 1 to {most} printable ASCII characters without a space at either end"


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
