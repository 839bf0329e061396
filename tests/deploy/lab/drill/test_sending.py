"""The drill's sender against a sink: it goes on until accepted, and knows what it does not know."""

from __future__ import annotations

from deploy.lab.drill.numbered_events import Fate, requests
from deploy.lab.drill.sending import Sender
from tests.deploy.lab.bench.sink import Sink, sink


def sender(served: Sink) -> Sender:
    return Sender(
        base_url=served.url,
        game_id="game",
        public_token="pub",  # noqa: S106 - the sink takes any
        ingest_key="pl_ik_1",
        lanes=1,
        rate=0.0,
    )


async def test_a_503_is_unknown_and_sent_again_as_another_attempt() -> None:
    async with sink() as served:
        served.statuses = [503, 429]
        sending = sender(served)
        left = await sending.send(requests("run", 20, 10, 1), seconds=10)
    assert left == []
    assert [attempt.fate for attempt in sending.attempts] == [
        Fate.UNKNOWN,
        Fate.REFUSED,
        Fate.ACCEPTED,
        Fate.ACCEPTED,
    ]
    assert [attempt.number for attempt in sending.attempts] == [0, 1, 2, 3]
    assert sending.accepted_events == 20
    assert len(set(served.bodies)) == 4


async def test_a_refusal_is_not_sent_again() -> None:
    async with sink() as served:
        served.statuses = [400]
        sending = sender(served)
        (left,) = await sending.send(requests("run", 10, 10, 1), seconds=10)
    assert left.first == 0
    assert [attempt.fate for attempt in sending.attempts] == [Fate.REFUSED]


async def test_no_answer_is_unknown() -> None:
    async with sink() as served:
        sending = sender(served)
    (left,) = await sending.send(requests("run", 10, 10, 1), seconds=0.5)
    assert left.count == 10
    assert {attempt.fate for attempt in sending.attempts} == {Fate.UNKNOWN}
