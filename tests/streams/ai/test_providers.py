"""Providers over real HTTP on loopback: what is sent, what is understood, what is done where they fail."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal, NamedTuple

import openai
import pytest

from schemas.studio.ai import AiModel, chat_model, embedding_model
from streams.ai.http import _decoded, pause_asked
from streams.ai.local import LocalEmbedder
from streams.ai.ports import KeyRefused, Prompt, ProviderFailed
from streams.ai.providers import Providers
from streams.ai.vectors import unit_vectors
from streams.webhooks.addresses import Network
from tests.ai_server import TOKENS_IN, TOKENS_OUT, AiServer, ai_server, vector
from tests.cpu_cost import cpu_ratio

LOOPBACK: list[Network] = [ipaddress.ip_network("127.0.0.0/8")]
KEY = "sk-a-value-that-nobody-may-see"
SAID = {"narrative": "Most testers were stuck."}
PROMPT = Prompt(
    instructions="Summarise.",
    data='{"sessions": 3}',
    name="summary",
    schema={
        "type": "object",
        "properties": {"narrative": {"type": "string"}},
        "required": ["narrative"],
        "additionalProperties": False,
    },
    output_tokens_max=500,
)
PROVIDERS = ("openai", "google")


@pytest.fixture
async def server() -> AsyncIterator[AiServer]:
    async with ai_server() as running:
        running.say = lambda data: json.dumps(SAID | data)
        yield running


class Fault(NamedTuple):
    """What the server does, how often it is asked then, after which pauses, and how it ends."""

    faults: list[str]
    calls: int
    pauses: list[float]
    ends: Literal["complete", "free", "perhaps paid"]


class Asked:
    """Providers whose pauses take no time and are written down."""

    def __init__(self, server: AiServer, allowed: Sequence[Network] = LOOPBACK, answer_s: float = 30) -> None:
        self.pauses: list[float] = []

        async def pause(seconds: float) -> None:
            self.pauses.append(seconds)

        self.providers = Providers(list(allowed), pause=pause, answer_s=answer_s)
        self.server = server

    def _base(self, provider: str) -> str:
        return self.server.openai_url if provider == "openai" else self.server.google_url

    async def complete(self, provider: Any) -> Any:
        model = chat_model(provider, self._base(provider), None)
        return await self.providers.chat(model, KEY).complete(PROMPT)

    async def embed(self, provider: Any, *texts: str) -> Any:
        model: AiModel = embedding_model(provider, self._base(provider), None, None)
        return await self.providers.embedder(model, KEY).embed(texts)


@pytest.fixture
async def asked(server: AiServer) -> AsyncIterator[Asked]:
    made = Asked(server)
    yield made
    await made.providers.close()


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_completion_comes_with_what_it_took(asked: Asked, provider: str) -> None:
    completion = await asked.complete(provider)
    assert completion.outcome == "complete"
    assert json.loads(completion.text) == SAID | {"sessions": 3}
    assert completion.tokens == TOKENS_IN + TOKENS_OUT
    ((path, headers, body),) = asked.server.requests
    if provider == "openai":
        assert path == "/v1/chat/completions"
        assert headers["Authorization"] == f"Bearer {KEY}"
        assert body["response_format"]["json_schema"]["schema"] == PROMPT.schema
        assert "tools" not in body
    else:
        assert path == "/v1beta/models/gemini-2.5-flash:generateContent"
        assert headers["x-goog-api-key"] == KEY
        assert body["generationConfig"]["responseSchema"] == {
            "type": "OBJECT",
            "properties": {"narrative": {"type": "STRING"}},
            "required": ["narrative"],
        }


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_vectors_come_in_the_order_of_their_texts(asked: Asked, provider: str) -> None:
    found = await asked.embed(provider, "stuck at the door", "loved the music")
    assert [[round(value, 6) for value in one] for one in found.vectors] == [
        [round(value, 6) for value in vector(text)] for text in ("stuck at the door", "loved the music")
    ]
    assert found.tokens == (TOKENS_IN if provider == "openai" else None)


async def test_the_official_client_agrees_with_the_server(server: AiServer) -> None:
    async with openai.AsyncOpenAI(api_key=KEY, base_url=server.openai_url, max_retries=0) as client:
        completion = await client.chat.completions.create(
            model="gpt-5-mini",
            messages=[
                {"role": "system", "content": PROMPT.instructions},
                {"role": "user", "content": PROMPT.data},
            ],
            response_format={
                "type": "json_schema",
                "json_schema": {"name": PROMPT.name, "strict": True, "schema": dict(PROMPT.schema)},
            },
            max_completion_tokens=PROMPT.output_tokens_max,
        )
        assert json.loads(completion.choices[0].message.content or "") == SAID | {"sessions": 3}
        assert completion.usage is not None
        assert completion.usage.total_tokens == TOKENS_IN + TOKENS_OUT
        vectors = await client.embeddings.create(
            model="text-embedding-3-small", input=["stuck"], dimensions=256, encoding_format="float"
        )
        assert vectors.data[0].embedding == vector("stuck")
        server.faults = ["401"]
        with pytest.raises(openai.AuthenticationError):
            await client.embeddings.create(model="text-embedding-3-small", input=["stuck"])


async def test_our_requests_are_the_official_client_s(server: AiServer, asked: Asked) -> None:
    await test_the_official_client_agrees_with_the_server(server)
    official = {path: body for path, _, body in server.requests[:2]}
    await asked.complete("openai")
    await asked.embed("openai", "stuck")
    ours = {path: body for path, _, body in server.requests[-2:]}
    assert ours == official


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(("fault", "outcome"), [("refusal", "declined"), ("cut-off", "cut_off")])
async def test_refusal_and_cut_off_are_told_apart(
    asked: Asked, provider: str, fault: str, outcome: str
) -> None:
    asked.server.faults = [fault]
    completion = await asked.complete(provider)
    assert (completion.outcome, completion.tokens) == (outcome, TOKENS_IN + TOKENS_OUT)
    assert asked.server.calls() == 1


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "case",
    [
        Fault(["429", "500"], 3, [1.0, 2.0], "complete"),
        Fault(["429 soon"], 2, [7.0], "complete"),
        Fault(["429 later"], 1, [], "free"),
        Fault(["503", "503", "503"], 3, [1.0, 2.0], "free"),
        Fault(["400"], 1, [], "free"),
        Fault(["bad json"], 1, [], "perhaps paid"),
        Fault(["redirect"], 1, [], "free"),
    ],
)
async def test_what_fails_is_asked_again_only_where_that_may_help(
    asked: Asked, provider: str, case: Fault
) -> None:
    asked.server.faults = list(case.faults)
    if case.ends == "complete":
        assert (await asked.complete(provider)).outcome == "complete"
    else:
        with pytest.raises(ProviderFailed) as failed:
            await asked.complete(provider)
        assert failed.value.paid is (case.ends == "perhaps paid")
        assert KEY not in str(failed.value)
    assert (asked.server.calls(), asked.pauses) == (case.calls, case.pauses)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_silence_has_an_end_and_is_perhaps_paid(server: AiServer, provider: str) -> None:
    server.faults = ["silence"]
    hurried = Asked(server, answer_s=0.3)
    try:
        with pytest.raises(ProviderFailed, match="did not answer in time") as failed:
            await hurried.complete(provider)
        assert (failed.value.paid, server.calls(), hurried.pauses) == (True, 1, [])
        assert KEY not in str(failed.value)
    finally:
        await hurried.providers.close()


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("status", ["401", "403"])
async def test_a_refused_key_is_not_tried_again(asked: Asked, provider: str, status: str) -> None:
    asked.server.faults = [status]
    with pytest.raises(KeyRefused) as refused:
        await asked.complete(provider)
    assert (refused.value.status, refused.value.paid, asked.server.calls()) == (int(status), False, 1)
    assert KEY not in str(refused.value)


async def test_private_addresses_are_refused_as_webhooks_are(server: AiServer) -> None:
    walled = Asked(server, [])
    try:
        with pytest.raises(ProviderFailed, match="not a public address") as failed:
            await walled.complete("openai")
        assert failed.value.paid is False
        assert server.calls() == 0
    finally:
        await walled.providers.close()


async def test_a_provider_that_is_not_there_costs_nothing(asked: Asked) -> None:
    model = chat_model("openai", "http://127.0.0.1:9/v1", None)
    with pytest.raises(ProviderFailed) as failed:
        await asked.providers.chat(model, KEY).complete(PROMPT)
    assert failed.value.paid is False


@pytest.mark.parametrize("vectors", [[[1.0, 2.0]], [[0.0] * 256], [[]]])
def test_what_is_no_vector_of_256_numbers_is_refused(vectors: list[list[float]]) -> None:
    with pytest.raises(ProviderFailed, match="256"):
        unit_vectors(vectors)


def test_numbers_that_take_long_to_decode_cost_little() -> None:
    answer = b"[[%b]]" % b",".join([b"1e-320"] * 20_000)
    plain = answer.replace(b"1e-320", b"1.5555")
    assert _decoded(answer, list[list[float]]) == [[1e-320] * 20_000]
    kind = list[list[float]]
    # It is 2; where each is decoded by itself, 270.
    assert cpu_ratio(lambda: _decoded(answer, kind), lambda: _decoded(plain, kind)) < 20
    for broken in (answer[:-1], answer.replace(b"[[", b'[["a",')):
        with pytest.raises(ProviderFailed):
            _decoded(broken, list[list[float]])


def test_a_pause_is_read_as_seconds_or_a_date() -> None:
    now_s = 1_767_225_600.0  # 2026-01-01T00:00:00Z
    assert pause_asked("7", now_s) == 7
    assert pause_asked("Thu, 01 Jan 2026 00:00:09 GMT", now_s) == 9
    assert pause_asked("Wed, 31 Dec 2025 00:00:00 GMT", now_s) == 0
    assert pause_asked("soon", now_s) is None
    assert pause_asked(None, now_s) is None


async def test_local_vectors_need_nobody_and_tell_alike_texts_from_others() -> None:
    texts = [
        "stuck at the act 2 door, retried it six times",
        "could not open the door in act two",
        "loved the music",
    ]
    found = await LocalEmbedder().embed([*texts, ""])
    a, b, c, empty = found.vectors
    assert found.tokens == 0
    assert {len(one) for one in found.vectors} == {256}
    assert _cosine(a, b) > 0.5
    assert abs(_cosine(a, c)) < 0.2
    assert _cosine(empty, empty) == pytest.approx(1)
    assert (await LocalEmbedder().embed(texts[:1])).vectors[0] == a


def _cosine(a: list[float], b: list[float]) -> float:
    return sum(one * other for one, other in zip(a, b, strict=True))
