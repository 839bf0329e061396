"""What is asked of an AI for a studio, what came of it, and what both cost at most. Pure.

Source: the analytics contract, "AI". A request is known by its hash, which is a function of kind, subject,
input and model: the same asked again is the same request, and is paid once.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from schemas.studio.ai import AiPurpose

AiKind = Literal[
    "suggestions",
    "build-summary",
    "tester-summary",
    "archetype-labels",
    "experiment-digest",
    "embedding",
    "chat-test",
    "embedding-test",
]
SUMMARIES: Final[frozenset[AiKind]] = frozenset({"build-summary", "tester-summary"})
"""Of these the last good one of each subject is kept."""
EMBEDDINGS: Final[frozenset[AiKind]] = frozenset({"embedding", "embedding-test"})
INPUT_CHARACTERS_MAX: Final = 24_000
TEXTS_MAX: Final = 64
"""Texts in one request for vectors."""
SUBJECT_CHARACTERS_MAX: Final = 1_000
INSTRUCTIONS_BYTES_MAX: Final = 4_000
"""What a prompt holds beside its data: instructions and schema, as they are sent."""
OUTPUT_TOKENS_MAX: Final = 4_000
"""Of one call, what a model thinks to itself included."""
CALLS_MAX: Final = 2
"""An output that can't be used is asked for once more."""
FAILED_HOLDS_MS: Final = 60_000
"""How long a failure is the answer, before the same may be asked again."""
LEASE_MS: Final = 120_000
"""After this time no process can still be waiting for a call that was begun."""

AiStatus = Literal["ok", "ai_declined", "ai_error"]
AiReason = Literal["ai_declined", "ai_error", "ai_budget", "ai_slow"]
"""Why there is no answer of a model's."""


class AiRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One question. NOTE: stored in events."""

    kind: AiKind
    subject: str
    """What it is about, unique in its kind and game."""
    game_id: str
    model_id: str
    input: str
    """The user message, JSON; a JSON list of texts where vectors are asked for."""
    based_on_sessions: int = 0
    """How many sessions a summary is of."""

    @property
    def purpose(self) -> AiPurpose:
        """Which of the studio's keys it takes."""
        return "embedding" if self.kind in EMBEDDINGS else "chat"

    @property
    def hash(self) -> str:
        """32 hexadecimal digits."""
        return _digest(self.kind, self.game_id, self.subject, self.model_id, self.input)[:32]

    @property
    def call_tokens_max(self) -> int:
        """What one call can take at most: no token is shorter than a byte."""
        if self.model_id.startswith("local/"):
            return 0
        sent = len(self.input.encode("utf-8", "surrogatepass"))
        if self.purpose == "embedding":
            return sent + TEXTS_MAX
        return sent + INSTRUCTIONS_BYTES_MAX + OUTPUT_TOKENS_MAX

    @property
    def tokens_max(self) -> int:
        """What all of its calls can take: this much of the budget is kept for it while it is not done."""
        return self.call_tokens_max * (1 if self.purpose == "embedding" else CALLS_MAX)


class AiResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a request. NOTE: stored in events."""

    status: AiStatus
    tokens: int
    """What it took, as the provider says; where it does not, what it can have taken at most."""
    output: str = ""
    """JSON, checked; empty where there is none."""
    vectors: dict[str, bytes] = {}
    """By `vector_id`: 256 little-endian floats of 4 bytes."""
    why: str = ""
    """What went wrong, for a person."""


class AiAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A result as it is stored and read. NOTE: stored in Redis."""

    kind: AiKind
    model_id: str
    attempt: int
    status: AiStatus
    output: str
    finished_at_ms: int
    why: str = ""

    def holds(self, now_ms: int) -> bool:
        """Whether it is the answer: a good one always, a failure for a while."""
        return self.status == "ok" or now_ms < self.finished_at_ms + FAILED_HOLDS_MS


class AiText(msgspec.Struct, frozen=True, kw_only=True):
    """The last good summary of a subject. NOTE: stored in Redis."""

    output: str
    model_id: str
    generated_at_ms: int
    based_on_sessions: int


class AiPending(msgspec.Struct, frozen=True, kw_only=True):
    """A request that is not done. NOTE: stored in Redis."""

    kind: AiKind
    subject: str
    game_id: str
    requested_at_ms: int


class AiMonth(msgspec.Struct, frozen=True, kw_only=True):
    """What a UTC month took so far, `2026-11`. NOTE: stored in Redis."""

    month: str
    tokens: int


def month_of(at_ms: int) -> str:
    """The UTC month of a time: `2026-11`."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m")


def vector_id(model_id: str, text: str) -> str:
    """24 hexadecimal digits that name a text's vector by a model."""
    return _digest("vector", model_id, text)[:24]


def text_key(kind: AiKind, game_id: str, subject: str) -> str:
    """What a subject's last summary is stored under, in its studio."""
    return f"{kind}/{game_id}/{subject}"


def summary_subject(environment: str, of: str) -> str:
    """The subject of a summary: an environment, and a build or a device."""
    return f"{environment}/{of}"


def _digest(*parts: str) -> str:
    """SHA-256 of parts, each after its length: no other parts give the same."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(4, "big") + encoded)
    return digest.hexdigest()
