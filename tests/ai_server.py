"""An AI provider on loopback that speaks what OpenAI and Google speak, and fails as they do when told to.

The answers have every field of the providers' documented ones. What a test wants said is the text of the
completion; vectors follow from their texts: texts that share words are alike.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from schemas.studio.ai import DIMENSIONS

TOKENS_IN, TOKENS_OUT = 120, 30
Say = Callable[[dict[str, Any]], str]
"""From the request's data (the user message, decoded) to the completion's text."""


class AiServer:
    """Counts what it is asked. `faults` are taken one a request, first to last, before it answers well."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.faults: list[str] = []
        self.say: Say = lambda _: "{}"
        self.silent = asyncio.Event()
        """Set: those that are kept waiting are answered."""
        self.asked = asyncio.Event()
        self.base = ""
        self._counted = asyncio.Condition()

    @property
    def openai_url(self) -> str:
        return f"{self.base}/v1"

    @property
    def google_url(self) -> str:
        return f"{self.base}/v1beta"

    def calls(self, ending: str = "") -> int:
        return sum(path.endswith(ending) for path, _, _ in self.requests)

    async def called(self, times: int) -> None:
        """Return once it was asked so often."""
        async with asyncio.timeout(20), self._counted:
            await self._counted.wait_for(lambda: self.calls() >= times)

    async def _asked(self, request: web.Request) -> tuple[dict[str, Any], str]:
        body = await request.json()
        self.requests.append((request.path, dict(request.headers), body))
        self.asked.set()
        async with self._counted:
            self._counted.notify_all()
        return body, self.faults.pop(0) if self.faults else ""

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body, fault = await self._asked(request)
        if (broken := await self._broken(fault)) is not None:
            return broken
        text = self.say(json.loads(body["messages"][-1]["content"]))
        refused = fault == "refusal"
        message: dict[str, Any] = {
            "role": "assistant",
            "content": None if refused else text[: len(text) // 2] if fault == "cut-off" else text,
            "refusal": "I can't help with that." if refused else None,
            "annotations": [],
        }
        usage = {
            "prompt_tokens": TOKENS_IN,
            "completion_tokens": TOKENS_OUT,
            "total_tokens": TOKENS_IN + TOKENS_OUT,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }
        finish = "length" if fault == "cut-off" else "stop"
        answer = {
            "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
            "object": "chat.completion",
            "created": 1741569952,
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
            "usage": usage,
            "service_tier": "default",
            "system_fingerprint": None,
        }
        return web.json_response(answer)

    async def embeddings(self, request: web.Request) -> web.StreamResponse:
        body, fault = await self._asked(request)
        if (broken := await self._broken(fault)) is not None:
            return broken
        data = [
            {"object": "embedding", "index": index, "embedding": vector(text)}
            for index, text in enumerate(body["input"])
        ]
        usage = {"prompt_tokens": TOKENS_IN, "total_tokens": TOKENS_IN}
        return web.json_response({"object": "list", "data": data, "model": body["model"], "usage": usage})

    async def google(self, request: web.Request) -> web.StreamResponse:
        body, fault = await self._asked(request)
        if (broken := await self._broken(fault)) is not None:
            return broken
        if request.path.endswith(":batchEmbedContents"):
            texts = [one["content"]["parts"][0]["text"] for one in body["requests"]]
            return web.json_response({"embeddings": [{"values": vector(text)} for text in texts]})
        text = self.say(json.loads(body["contents"][0]["parts"][0]["text"]))
        usage = {
            "promptTokenCount": TOKENS_IN,
            "candidatesTokenCount": TOKENS_OUT,
            "totalTokenCount": TOKENS_IN + TOKENS_OUT,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": TOKENS_IN}],
        }
        answer: dict[str, Any] = {
            "usageMetadata": usage,
            "modelVersion": "gemini-2.5-flash",
            "responseId": "mAitaLmkHPPlz7IPvtfUqQ4",
        }
        if fault == "refusal":
            return web.json_response(answer | {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}})
        finish, half = ("MAX_TOKENS", text[: len(text) // 2]) if fault == "cut-off" else ("STOP", text)
        content = {"parts": [{"text": half}], "role": "model"}
        answer["candidates"] = [{"content": content, "finishReason": finish, "index": 0}]
        return web.json_response(answer)

    async def _broken(self, fault: str) -> web.StreamResponse | None:
        match fault:
            case "bad json":
                return web.Response(body=b'{"choices": [{', content_type="application/json")
            case "silence":
                await self.silent.wait()
                return None
            case "429" | "500" | "503" | "401" | "403" | "400":
                error = {"error": {"message": "…", "type": "…", "param": None, "code": None}}
                return web.json_response(error, status=int(fault))
            case "429 soon" | "429 later":
                after = "7" if fault == "429 soon" else "60"
                return web.json_response({}, status=429, headers={"Retry-After": after})
            case "redirect":
                return web.Response(status=307, headers={"Location": f"{self.base}/elsewhere"})
            case _:
                return None


def vector(text: str) -> list[float]:
    """Words' hashes, summed: of length 1."""
    values = [0.0] * DIMENSIONS
    for word in text.lower().split():
        values[int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") % DIMENSIONS] += 1.0
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return [value / length for value in values]


@asynccontextmanager
async def ai_server(port: int = 0) -> AsyncIterator[AiServer]:
    """One that runs."""
    made = AiServer()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", made.chat)
    app.router.add_post("/v1/embeddings", made.embeddings)
    app.router.add_post("/v1beta/models/{rest:.*}", made.google)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    made.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        made.silent.set()
        await runner.cleanup()
