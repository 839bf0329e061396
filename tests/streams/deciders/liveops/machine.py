"""A state machine over one liveops partition: commands go through record, decision, log and fold, as they do
in production; retries, zombies' records and restarts come in between. Subclasses add what is asked.
"""

from __future__ import annotations

import dataclasses

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from schemas.codec import Message
from schemas.envelope import COMMAND_REJECTED, COMMAND_REPEATED, Decided
from schemas.liveops.answers import outcome_of
from schemas.liveops.events import GrantCreated
from schemas.log import LogRecord
from schemas.outcomes import messages_of, rejection, repetition
from streams.deciders.decide import decide_record, encode_events_record
from streams.deciders.fold import Fold
from streams.deciders.liveops.noun import LIVEOPS
from streams.deciders.noun import Request
from tests.streams.deciders.liveops.given import GOLD, Liveops, event, record_of
from tests.streams.deciders.liveops.model import (
    CAP,
    GROUP_SIZE,
    LOBBY_SIZE,
    PER_MINUTE,
    TARGET,
    Model,
    check_log,
)

PLAYERS = st.sampled_from(["ann", "bob", "cat"])
SETTINGS = settings(max_examples=30, stateful_step_count=40, deadline=None)
FRAGS = event(
    attemptCap=CAP,
    keep="sum",
    metrics={"frags": {"maxPerMinute": PER_MINUTE}},
    target={"metric": "frags", "value": TARGET},
    rewards=[{"trigger": "completed", "entries": [GOLD]}, {"trigger": "score >= 15", "entries": [GOLD]}],
)
DUEL = event(
    "duel",
    mode="grouped",
    groupSize=GROUP_SIZE,
    matchmaking={"size": LOBBY_SIZE, "fillSeconds": 10, "bots": {"perMinute": 6}},
)


class Partition(RuleBasedStateMachine):
    """What every machine has: a log, and what can happen to it."""

    def __init__(self) -> None:
        super().__init__()
        self.world = Liveops(FRAGS, DUEL)
        self.fold = Fold(LIVEOPS)
        self.log: list[LogRecord] = []
        self.sent: list[tuple[list[Request], bool]] = []
        self.history: list[tuple[int, Message]] = []
        self.model = Model()

    def ask(self, body: Message, player: str = "ann", *, keyed: bool = True) -> tuple[int, list[Message]]:
        """Through record, decision, log and fold, as in production; status and events."""
        self.world.state = self.fold.state
        request = self.world.request(body, player)
        request = dataclasses.replace(request, at_ms=self.world.at_ms)
        self.sent.append(([request], keyed))
        (decided,) = self.append([request], keyed=keyed)
        assert repetition(decided) is None
        outcome = outcome_of(decided, messages_of(decided, LIVEOPS.events))
        assert outcome is not None
        assert outcome.status != 500, outcome
        return outcome.status, self.happened(decided)

    def append(self, requests: list[Request], *, keyed: bool) -> list[Decided]:
        record = self.record("liveops.commands", self.fold.cursor.src + 1, record_of(requests, keyed=keyed))
        decision = decide_record(LIVEOPS, self.fold, record)
        assert decision.dead_letters == []
        events = self.record("liveops.events", len(self.log), encode_events_record(decision.record))
        assert self.fold.accept(events)
        assert self.fold.state == decision.state
        self.log.append(events)
        return decision.record.decided

    def record(self, topic: str, offset: int, value: bytes) -> LogRecord:
        return LogRecord(
            topic=topic,
            partition=0,
            offset=offset,
            appended_at_ms=max(self.world.at_ms, self.fold.time.now_ms),
            key=None,
            value=value,
        )

    def happened(self, decided: Decided) -> list[Message]:
        shell = {COMMAND_REJECTED, COMMAND_REPEATED}
        known = [event for event in decided.events if event.type not in shell]
        messages = [LIVEOPS.events.decode(event.type, event.data) for event in known]
        self.history += [(event.at_ms, message) for event, message in zip(known, messages, strict=True)]
        for message in messages:
            if isinstance(message, GrantCreated):
                self.model.created(message.external_id, message.grant)
        return messages

    @rule(by=st.sampled_from([1, 5_000, 10_000, 59_000, 400_000, -30_000]))
    def time_passes(self, by: int) -> None:
        """Backwards too: gateways' clocks differ."""
        self.world.at_ms = max(self.world.at_ms + by, self.fold.time.now_ms - 200_000)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        """A keyed command that comes again changes nothing: remembered, or too old."""
        requests, keyed = data.draw(st.sampled_from(self.sent))
        if not keyed:
            return
        before = self.fold.state
        for decided in self.append(requests, keyed=True):
            refused = rejection(decided)
            if repetition(decided) is None and refused is not None and refused.status in {400, 429}:
                continue  # refusals that are not remembered may be decided again
            assert repetition(decided) is not None or (refused is not None and refused.code == "expired")
            assert self.fold.state == before

    @precondition(lambda self: self.log)
    @rule(data=st.data())
    def zombie(self, data: st.DataObject) -> None:
        """An events record that is no successor is dropped whole, by every reader."""
        again = data.draw(st.sampled_from(self.log))
        before = self.fold.state
        again = msgspec.structs.replace(again, offset=self.fold.cursor.offset)
        assert not self.fold.accept(again)
        self.log.append(again)
        assert self.fold.state == before

    @rule()
    def restart(self) -> None:
        """A new owner of the partition: from the log alone, or from a snapshot."""
        replayed = Fold(LIVEOPS)
        for record in self.log:
            replayed.accept(record)
        assert replayed.state == self.fold.state
        assert replayed.remembered() == self.fold.remembered()
        assert LIVEOPS.unpack(LIVEOPS.pack(replayed.state)) == replayed.state
        self.fold = replayed

    @invariant()
    def purses_agree(self) -> None:
        for player in self.fold.state.players.values():
            purse = self.model.purses[player.external_id]
            held = {("currency", key): holding.quantity for key, holding in player.wallet.items()}
            held |= {("item", key): holding.quantity for key, holding in player.items.items()}
            assert {entry: count for entry, count in held.items() if count} == dict(+purse)
            assert all(count >= 0 for count in held.values())
            for runs in player.runs.values():
                assert all(attempt.status != "active" for run in runs for attempt in run.attempts[1:])

    def teardown(self) -> None:
        check_log(self.history)
