"""What may be asked of an AI: within the budget, each thing once, whoever asks, whatever dies in between."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.envelope import CommandRejected
from schemas.studio.ai_requests import (
    FAILED_HOLDS_MS,
    INPUT_CHARACTERS_MAX,
    AiRequest,
    AiResult,
    AiStatus,
    month_of,
    text_key,
)
from schemas.studio.commands import FinishAi, PauseAiKey, RequestAi, SetAiKey, StartAi
from schemas.studio.definitions import load_definitions
from schemas.studio.events import AiCallStarted, AiFinished, AiRequested
from streams.deciders import studio_ai_requests, studio_ai_state
from streams.deciders.noun import Request
from streams.deciders.studio import STUDIO
from streams.deciders.studio_ai_state import StudioAi
from tests.streams.deciders.given import AT_MS, Studios, seed

MODEL = "openai/gpt-5-mini"


def wanted(subject: str = "production/0.4.9", said: str = "{}", **fields: Any) -> AiRequest:
    kind = fields.pop("kind", "build-summary")
    return AiRequest(kind=kind, subject=subject, game_id="g", model_id=MODEL, input=said, **fields)


class Asking(Studios):
    """A studio with a key, at a time that a test moves."""

    def __init__(self, monthly_tokens: int = 1_000_000) -> None:
        super().__init__()
        self.now_ms = AT_MS
        self.given(load_definitions(f"studio: {{slug: a, name: A, ai: {{monthlyTokens: {monthly_tokens}}}}}"))
        self.given(SetAiKey(purpose="chat", sealed="sealed"), "a")

    @property
    def ai(self) -> StudioAi:
        return self.state.ai[self.state.studio_ids["a"]]

    def ask(self, command: Any) -> Any:
        """The one event, None for none, or the code of a refusal."""
        studio_id = self.state.studio_ids["a"]
        request = Request(
            command_id="c",
            aggregate_id=studio_id,
            studio_id=studio_id,
            game_id="",
            command=command,
            at_ms=self.now_ms,
            seed=seed("s"),
        )
        verdict = STUDIO.decide(self.state, request)
        if isinstance(verdict, CommandRejected):
            return verdict.code
        for event in verdict:
            self.state = STUDIO.evolve(self.state, event, self.now_ms)
        assert len(verdict) <= 1
        return verdict[0] if verdict else None

    def request(self, one: AiRequest) -> Any:
        return self.ask(RequestAi(request=one))

    def start(self, event: AiRequested, runner: str = "r1") -> Any:
        return self.ask(StartAi(hash=event.hash, attempt=event.attempt, runner=runner))

    def finish(self, event: AiRequested, tokens: int = 10, status: AiStatus = "ok", **fields: Any) -> Any:
        result = AiResult(status=status, tokens=tokens, **fields)
        return self.ask(FinishAi(hash=event.hash, attempt=event.attempt, result=result))


def test_the_same_is_asked_once_and_answered_for_good() -> None:
    asking = Asking()
    event = asking.request(wanted())
    assert isinstance(event, AiRequested)
    assert (event.attempt, event.hash) == (1, wanted().hash)
    assert asking.request(wanted()) is None
    assert isinstance(asking.start(event), AiCallStarted)
    assert asking.request(wanted()) is None
    done = asking.finish(event)
    assert isinstance(done, AiFinished)
    assert (done.month, done.month_tokens, done.request.input) == (month_of(AT_MS), 10, "")
    asking.now_ms += 10 * FAILED_HOLDS_MS
    assert asking.request(wanted()) is None
    others = [
        wanted("production/0.5.0"),
        wanted(said='{"a":1}'),
        msgspec.structs.replace(wanted(), game_id="h"),
        wanted(kind="tester-summary"),
    ]
    assert len({one.hash for one in [wanted(), *others]}) == 5
    assert all(isinstance(asking.request(one), AiRequested) for one in others)


def test_one_worker_calls_and_its_repeat_changes_nothing() -> None:
    asking = Asking()
    event = asking.request(wanted())
    assert isinstance(asking.start(event, "r1"), AiCallStarted)
    assert asking.start(event, "r1") is None
    assert asking.start(event, "r2") == "started"
    assert isinstance(asking.finish(event), AiFinished)
    assert asking.finish(event) == "not_pending"
    assert asking.start(event, "r2") == "not_pending"


def test_a_failure_holds_for_a_while_and_a_late_result_of_it_is_none() -> None:
    asking = Asking()
    first = asking.request(wanted())
    asking.finish(first, 0, "ai_error")
    assert asking.request(wanted()) is None
    asking.now_ms += FAILED_HOLDS_MS
    second = asking.request(wanted())
    assert second.attempt == 2
    assert asking.finish(first) == "not_pending"
    assert isinstance(asking.finish(second), AiFinished)


def test_without_a_key_with_a_paused_one_or_for_another_model_nothing_is_asked() -> None:
    asking = Asking()
    assert asking.request(wanted(kind="embedding")) == "other_model"
    vectors = msgspec.structs.replace(wanted(kind="embedding"), model_id="openai/text-embedding-3-small")
    assert asking.request(vectors) == "no_key"
    assert (
        asking.request(msgspec.structs.replace(wanted(), model_id="google/gemini-2.5-flash")) == "other_model"
    )
    assert asking.request(wanted(said="x" * (INPUT_CHARACTERS_MAX + 1))) == "too_large"
    assert asking.request(wanted("s" * 1001)) == "too_large"

    asking.given(PauseAiKey(purpose="chat", version=1, status=401), "a")
    assert asking.request(wanted()) == "no_key"
    asking.given(SetAiKey(purpose="chat", sealed="another"), "a")
    assert isinstance(asking.request(wanted()), AiRequested)


def test_local_vectors_need_no_key_and_take_nothing() -> None:
    studios = Studios()
    studios.given(
        load_definitions("studio: {slug: a, name: A, ai: {monthlyTokens: 0, embedding: {provider: local}}}")
    )
    local = msgspec.structs.replace(wanted(kind="embedding"), model_id="local/wordllama-256")
    assert isinstance(studios.when(RequestAi(request=local), "a"), tuple)


def test_the_budget_is_exact_and_begins_anew_each_utc_month() -> None:
    most = wanted().tokens_max
    asking = Asking(2 * most + 5)
    first, second = asking.request(wanted("1")), asking.request(wanted("2"))
    assert asking.request(wanted("3")) == "ai_budget"
    asking.finish(first, most - 5)
    assert asking.request(wanted("3")) == "ai_budget"
    asking.finish(second, most - 6)
    third = asking.request(wanted("x"))
    assert third == "ai_budget"
    asking.now_ms = 1_803_859_200_000  # 2027-03-01T00:00:00Z; AT_MS is in January
    assert month_of(asking.now_ms) == "2027-03"
    third = asking.request(wanted("3"))
    assert isinstance(third, AiRequested)
    assert asking.finish(third, 7).month_tokens == 7


def test_what_was_asked_in_the_month_before_counts_there() -> None:
    asking = Asking()
    late = asking.request(wanted("late"))
    asking.now_ms += 40 * 24 * 3_600_000
    event = asking.request(wanted("new"))
    assert asking.finish(event, 5).month_tokens == 5
    done = asking.finish(late, 100)
    assert done.month == month_of(AT_MS)
    assert (asking.ai.month, asking.ai.month_tokens) == (month_of(asking.now_ms), 5)


def test_old_results_are_forgotten_but_not_the_last_summaries(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, most in (("RESULTS_MAX", 6), ("DROPPED_AT_ONCE", 2), ("TEXTS_MAX", 3)):
        monkeypatch.setattr(studio_ai_requests, name, most)
        monkeypatch.setattr(studio_ai_state, name, most)
    asking = Asking()
    dropped: list[str] = []
    texts: list[str] = []
    for number in range(40):
        asking.now_ms += 1
        kind = "build-summary" if number % 4 == 0 else "suggestions"
        event = asking.request(wanted(f"s{number}", kind=kind))
        done = asking.finish(event, 1)
        dropped += done.dropped
        texts += done.dropped_texts
        assert len(asking.ai.done) - len(asking.ai.texts) <= 8
        assert len(asking.ai.texts) <= 4
        assert set(asking.ai.texts.values()) <= set(asking.ai.done)
    assert dropped
    assert len(set(dropped)) == len(dropped)
    assert texts[0] == text_key("build-summary", "g", "s0")
    assert STUDIO.unpack(STUDIO.pack(asking.state)) == asking.state


CALLS = st.lists(
    st.tuples(
        st.sampled_from(["request", "start", "finish", "fail", "next month", "wait"]),
        st.integers(0, 11),
        st.integers(0, 100),
    ),
    min_size=50,
    max_size=120,
)


@settings(max_examples=120, deadline=None)
@given(calls=CALLS, room=st.integers(0, 4), over=st.integers(0, 100))
def test_no_month_is_ever_over_and_nothing_is_called_twice(
    calls: list[tuple[str, int, int]], room: int, over: int
) -> None:
    most = wanted("0").tokens_max
    budget = room * most + over * most // 100
    asking = Asking(budget)
    spent: dict[str, int] = {}
    open_: dict[int, AiRequested] = {}
    paid: dict[str, int] = {}
    for what, which, share in calls:
        event = open_.get(which)
        match what:
            case "request":
                made = asking.request(wanted(f"{which}"))
                assert not (isinstance(made, AiRequested) and which in open_)
                if isinstance(made, AiRequested):
                    open_[which] = made
            case "start" if event is not None:
                started = asking.start(event, f"r{share % 3}")
                if isinstance(started, AiCallStarted):
                    call = f"{event.hash}/{event.attempt}"
                    paid[call] = paid.get(call, 0) + 1
            case "finish" | "fail" if event is not None:
                tokens = event.request.tokens_max * share // 100
                done = asking.finish(event, tokens, "ok" if what == "finish" else "ai_error")
                assert isinstance(done, AiFinished)
                spent[done.month] = spent.get(done.month, 0) + tokens
                del open_[which]
            case "next month":
                asking.now_ms += 31 * 24 * 3_600_000
            case _:
                asking.now_ms += FAILED_HOLDS_MS
        kept: dict[str, int] = {}
        for one in open_.values():
            month = month_of(one.requested_at_ms)
            kept[month] = kept.get(month, 0) + one.request.tokens_max
        for month in {*spent, *kept}:
            assert spent.get(month, 0) + kept.get(month, 0) <= budget
    assert all(count == 1 for count in paid.values())


def test_fifty_calls_at_the_budget_s_edge_are_never_over() -> None:
    most = wanted("00").tokens_max
    asking = Asking(7 * most + most - 1)
    verdicts = [asking.request(wanted(f"{number:02d}")) for number in range(50)]
    assert [isinstance(one, AiRequested) for one in verdicts] == [True] * 7 + [False] * 43
    assert set(verdicts[7:]) == {"ai_budget"}
    assert asking.ai.taken(month_of(AT_MS)) == 7 * most
