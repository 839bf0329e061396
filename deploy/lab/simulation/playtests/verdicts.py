"""What must be true of playtests at rest: by the drill's own model after every event, and of all stores."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import msgspec

from deploy.lab.drill.decided_log import Entry
from deploy.lab.drill.playtests_judge import (
    NOT_REMEMBERED,
    judge_answers,
    judge_histories,
    judge_winners,
)
from deploy.lab.drill.playtests_model import Model
from deploy.lab.simulation.playtests.batch_model import BatchModel
from deploy.lab.simulation.playtests.batch_verdicts import answers_that_lie, rows_that_differ
from deploy.lab.simulation.playtests.code_checks import checks_that_lie
from deploy.lab.simulation.playtests.row_verdicts import rows_of_orders
from schemas.envelope import CommandRecord
from schemas.objects import PUBLIC_FOLDER
from schemas.outcomes import REMEMBERED_REFUSALS, rejection
from schemas.playtests import names
from schemas.playtests.batch_commands import ImportKeys
from schemas.playtests.events import EVENTS
from schemas.playtests.order_events import PlaytestChanged, PlaytestOrdered
from schemas.playtests.secrets import OrderSecrets
from schemas.playtests.slot_events import SlotPublished, TranscriptEvent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from deploy.lab.drill.playtests_world import Record
    from deploy.lab.simulation.playtests.batch_moves import BatchRecord
    from deploy.lab.simulation.stage import Stage
    from schemas.envelope import Decided
    from schemas.seal import Sealer

BLOCKED_DAYS_MS: Final = 7 * 24 * 3_600_000
_commands: Final = msgspec.msgpack.Decoder(CommandRecord)
_UNDER_WAY: Final = frozenset({"pending", "processing"})


class History:
    """All events that count, folded by the drill's model: `model.problems` holds after every one."""

    def __init__(self, stage: Stage, sealer: Sealer) -> None:
        self.model = Model()
        self.batches = BatchModel(sealer)
        self._sealer = sealer
        self.game_keys: defaultdict[str, set[str]] = defaultdict(set)
        """By order, in clear."""
        self.decided: list[Decided] = []
        """All, in the order of their partitions."""
        self.entries: list[Entry] = []
        self.transcripts: dict[str, str] = {}
        """By slot: the status of its transcript."""
        self.public: dict[str, str] = {}
        """By slot: where it was published."""
        self._imports = dict(_imports(stage))
        for partition in range(stage.partitions):
            for record, events in stage.accepted(partition):
                for decided in events.decided:
                    self._add(partition, record.offset, decided)

    def _add(self, partition: int, offset: int, decided: Decided) -> None:
        self.decided.append(decided)
        self.batches.fold(f"{partition}@{offset}", decided)
        refused = rejection(decided)
        if refused is not None and refused.code == "batch_full":
            game = decided.studio_id, decided.game_id
            self.batches.refused_full(f"{partition}@{offset}", self._imports[decided.command_id], game)
        if refused is None or refused.status in REMEMBERED_REFUSALS or refused.status in NOT_REMEMBERED:
            self.entries.append(Entry(partition, offset, decided))
        for event in decided.events:
            self.model.fold(f"{partition}@{offset}", event)
            if event.type in EVENTS.wire_names:
                match EVENTS.decode(event.type, event.data):
                    case TranscriptEvent() as told:
                        self.transcripts[told.slot_id] = told.transcription.status
                    case SlotPublished() as told:
                        self.public[told.slot.id] = told.public_key
                    case PlaytestOrdered() | PlaytestChanged() as told:
                        self._given(told)
                    case _:
                        pass

    def _given(self, told: PlaytestOrdered | PlaytestChanged) -> None:
        """No game key is an order's twice, under whichever secret it was sealed."""
        held = self.game_keys[told.order_id]
        secrets = OrderSecrets(self._sealer, told.studio_id, told.order_id)
        for sealed in told.keys:
            key = secrets.open_key(sealed) or ""
            if key in held:
                self.model.problems.append(f"{told.order_id} has the key {key} twice")
            held.add(key)

    @property
    def unfinished(self) -> list[str]:
        """Slots that wait for their publication, and those whose recordings wait for a transcript."""
        publishing = [
            f"{names.slot_id(order_id, number)} is not published"
            for studio in self.model.studios.values()
            for order_id, order in studio.orders.items()
            for number, seat in order.slots.items()
            if seat.status == "publishing"
        ]
        waiting = [f"{slot} has no transcript" for slot, is_ in self.transcripts.items() if is_ in _UNDER_WAY]
        return publishing + waiting


def _imports(stage: Stage) -> Iterator[tuple[str, ImportKeys]]:
    """Every import of keys that was asked, by its command's id."""
    for partition in range(stage.partitions):
        for record in stage.log.records(stage.commands.name, partition):
            for command in _commands.decode(record.value).commands:
                if command.type == ImportKeys.WIRE:
                    yield command.command_id, msgspec.msgpack.decode(command.body, type=ImportKeys)


def batch_problems(stage: Stage, history: History, record: BatchRecord, sealer: Sealer) -> list[str]:
    """Every promise about key batches that does not hold, a line each."""
    return [
        *history.batches.problems,
        *answers_that_lie(record, history.decided, sealer),
        *checks_that_lie(record.checks, history.batches),
        *rows_that_differ(history.batches, stage.redis.live.values),
    ]


def problems(stage: Stage, history: History, record: Record, objects: Mapping[str, bytes]) -> list[str]:
    """Every promise about orders, slots and money that does not hold, a line each."""
    orders = {
        order_id: order
        for studio in history.model.studios.values()
        for order_id, order in studio.orders.items()
    }
    wrong, _ = judge_histories(record, orders)
    return [
        *record.wrong,
        *judge_answers(record.answered, history.entries),
        *history.model.problems,
        *judge_winners(record.answered),
        *wrong,
        *history.unfinished,
        *rows_of_orders(history.model, stage.redis.live.values, _dues_of_batches(history)),
        *_of_objects(history, objects),
    ]


def _of_objects(history: History, objects: Mapping[str, bytes]) -> list[str]:
    """What is published is there, and nothing else is public."""
    told = {key for key in history.public.values() if key}
    there = {key for key in objects if key.startswith(PUBLIC_FOLDER)}
    return [] if told == there else [f"public objects {there}, published {told}"]


def _dues_of_batches(history: History) -> set[str]:
    return {
        f"batch/{studio_id}/{batch_id}/{game_id}"
        for (studio_id, game_id, batch_id), batch in history.batches.batches.items()
        if batch.status == "open" and batch.expires_ms is not None
    }
