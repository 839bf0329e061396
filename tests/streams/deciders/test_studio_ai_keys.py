"""Keys of AI providers: what a file says of models, what is sealed, what the decider makes of commands."""

from __future__ import annotations

import hashlib

import pytest

from schemas.seal import SealBroken, Sealer
from schemas.studio.ai import DEFAULT_AI, AiKey, AiPurpose, ai_of, key_problem, open_key, sealed_key
from schemas.studio.commands import ClearAiKey, PauseAiKey, SetAiKey
from schemas.studio.definitions import load_definitions
from schemas.studio.events import AiKeyCleared, AiKeyPaused, AiKeySet, StudioChanged
from schemas.studio.yaml_source import DefinitionInvalid
from tests.streams.deciders.given import AT_MS, Studios, define

VALUE = "sk-a-value-that-nobody-may-see"


def randomness(length: int) -> bytes:
    return hashlib.sha256(b"random").digest()[:length]


def stored(studio_id: str, purpose: AiPurpose, sealer: Sealer) -> AiKey:
    sealed = sealed_key(sealer, studio_id, purpose, VALUE, randomness)
    return AiKey(purpose=purpose, sealed=sealed, version=1, set_at_ms=AT_MS)


def test_a_file_without_ai_has_the_defaults() -> None:
    command = load_definitions("studio: {slug: demo, name: Demo}")
    assert ai_of(command.ai) == DEFAULT_AI
    assert DEFAULT_AI.chat.id == "openai/gpt-5-mini"
    assert DEFAULT_AI.embedding.id == "openai/text-embedding-3-small"
    assert (DEFAULT_AI.embedding.similarity, DEFAULT_AI.monthly_tokens) == (0.75, 1_000_000)


def test_a_file_says_which_models_are_asked_where() -> None:
    text = """\
studio:
  slug: demo
  name: Demo
  ai:
    chat: {provider: google}
    embedding: {provider: local}
    monthlyTokens: 5000
"""
    ai = ai_of(load_definitions(text).ai)
    assert (ai.chat.id, ai.embedding.id) == ("google/gemini-2.5-flash", "local/wordllama-256")
    assert ai.chat.base_url == "https://generativelanguage.googleapis.com/v1beta"
    assert (ai.embedding.similarity, ai.monthly_tokens) == (0.5, 5000)
    own = text.replace("{provider: google}", "{baseUrl: https://ai.example.com/v1/, model: llama-4}")
    assert ai_of(load_definitions(own).ai).chat.base_url == "https://ai.example.com/v1"


@pytest.mark.parametrize(
    ("section", "field"),
    [
        ("chat: {provider: local}", "studio.ai.chat.provider"),
        ("chat: {baseUrl: ftp://example.com}", "studio.ai.chat.baseUrl"),
        ("chat: {baseUrl: 'https://0x7f.1/v1'}", "studio.ai.chat.baseUrl"),
        ("chat: {baseUrl: 'https://me:secret@example.com/v1'}", "studio.ai.chat.baseUrl"),
        ("chat: {baseUrl: 'https://example.com/v1?a=b'}", "studio.ai.chat.baseUrl"),
        ("chat: {model: 'a model'}", "studio.ai.chat.model"),
        ("chat: {key: sk-1}", "studio.ai.chat.key"),
        ("embedding: {similarity: 1}", "studio.ai.embedding.similarity"),
        ("embedding: {provider: local, model: other}", "studio.ai.embedding.model"),
        ("monthlyTokens: -1", "studio.ai.monthlyTokens"),
    ],
)
def test_what_can_t_be_is_named_with_its_line(section: str, field: str) -> None:
    with pytest.raises(DefinitionInvalid) as refused:
        load_definitions(f"studio:\n  slug: demo\n  name: Demo\n  ai:\n    {section}\n")
    (problem,) = refused.value.problems
    assert (problem.line, problem.field) == (5, field)


def test_another_section_changes_the_studio_and_the_same_one_nothing() -> None:
    studios = Studios()
    studios.given(define("demo"))
    changed = load_definitions("studio: {slug: demo, name: Studio, ai: {monthlyTokens: 7}}")
    (event,) = studios.given(changed)
    assert isinstance(event, StudioChanged)
    assert event.changed == ["ai"]
    assert studios.given(changed) == []


def test_a_key_opens_for_its_studio_and_purpose_alone() -> None:
    sealer = Sealer(b"the deployment's secret")
    key = stored("user_a", "chat", sealer)
    assert VALUE not in key.sealed
    assert open_key(sealer, "user_a", key) == VALUE
    moved = AiKey(purpose="embedding", sealed=key.sealed, version=1, set_at_ms=AT_MS)
    for where, what in (("user_b", key), ("user_a", moved)):
        with pytest.raises(SealBroken):
            open_key(sealer, where, what)
    with pytest.raises(SealBroken):
        open_key(Sealer(b"another"), "user_a", key)


@pytest.mark.parametrize("value", ["", "two words", "línea", "a\nb", "k" * 501])
def test_what_is_no_key_is_refused_without_being_said(value: str) -> None:
    problem = key_problem(value)
    assert problem is not None
    assert not value or value not in problem


def test_a_key_is_set_paused_set_anew_and_cleared() -> None:
    studios = Studios()
    studios.given(define("demo"))
    (first,) = studios.given(SetAiKey(purpose="chat", sealed="one"), "demo")
    assert isinstance(first, AiKeySet)
    assert (first.key.version, first.key.usable, first.key.set_at_ms) == (1, True, AT_MS)
    (paused,) = studios.given(PauseAiKey(purpose="chat", version=1, status=401), "demo")
    assert isinstance(paused, AiKeyPaused)
    assert (paused.key.usable, paused.key.paused_status) == (False, 401)
    assert studios.given(PauseAiKey(purpose="chat", version=1, status=403), "demo") == []
    (second,) = studios.given(SetAiKey(purpose="chat", sealed="two"), "demo")
    assert isinstance(second, AiKeySet)
    assert (second.key.version, second.key.usable) == (2, True)
    assert studios.given(PauseAiKey(purpose="chat", version=1, status=401), "demo") == []
    (cleared,) = studios.given(ClearAiKey(purpose="chat"), "demo")
    assert isinstance(cleared, AiKeyCleared)
    assert studios.given(ClearAiKey(purpose="chat"), "demo") == []
    assert studios.given(PauseAiKey(purpose="chat", version=2, status=401), "demo") == []
    (third,) = studios.given(SetAiKey(purpose="chat", sealed="three"), "demo")
    assert isinstance(third, AiKeySet)
    assert third.key.version == 3


def test_what_can_t_be_asked_is_refused() -> None:
    studios = Studios()
    assert studios.refusal(SetAiKey(purpose="chat", sealed="one"), "nobody") == (404, "unknown_studio")
    studios.given(define("demo"))
    assert studios.refusal(SetAiKey(purpose="chat", sealed=""), "demo") == (400, "invalid_key")
    studios.given(load_definitions("studio: {slug: demo, name: Studio, ai: {embedding: {provider: local}}}"))
    assert studios.refusal(SetAiKey(purpose="embedding", sealed="one"), "demo") == (409, "needs_no_key")
