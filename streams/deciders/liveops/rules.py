"""An event's definition, ready to decide with: formula compiled, triggers parsed. Cached by its bytes."""

from __future__ import annotations

import math
from typing import Final

import cel
import msgspec

from schemas.liveops.definitions import crate_table, decode_definition, grant_entries
from schemas.liveops.views import CrateRow, GrantEntry, Order, RankReward
from schemas.studio.definitions_events import TRIGGER_RANK, TRIGGER_SCORE, EventDefinition, Reward

CACHED_MAX: Final = 2048


class FormulaFailed(Exception):
    """The score formula has no finite value at these metrics."""


class Prize(msgspec.Struct, frozen=True):
    """A reward of the definition as grants need it: entries, or a crate's table."""

    index: int
    """In the definition's rewards."""
    trigger: str
    ordinal: int
    """Counts rewards of the same trigger."""
    entries: list[GrantEntry]
    table: list[CrateRow]


class Rules:
    """What one version of an event says."""

    __slots__ = (
        "_program",
        "completions",
        "definition",
        "limited",
        "only_metric",
        "order",
        "per_minute",
        "rank_rewards",
        "thresholds",
        "zero",
    )

    def __init__(self, definition: EventDefinition) -> None:
        self.definition = definition
        self.order: Order = definition.order
        self.zero = dict.fromkeys(definition.metrics, 0.0)
        self._program = cel.compile(definition.score_formula)
        target = definition.target
        names = list(definition.metrics)
        self.only_metric = target.metric if target else names[0] if len(names) == 1 else None
        """The metric that `metricValue` is for; None where that can't be known."""
        self.per_minute = {
            name: limits.max_per_minute
            for name, limits in definition.metrics.items()
            if limits.max_per_minute is not None
        }
        self.limited = bool(self.per_minute) or any(
            limits.max_per_call is not None for limits in definition.metrics.values()
        )
        self.completions: list[Prize] = []
        self.thresholds: list[tuple[float, Prize]] = []
        self.rank_rewards: list[RankReward] = []
        for prize in _prizes(definition.rewards):
            rank, score = TRIGGER_RANK.match(prize.trigger), TRIGGER_SCORE.match(prize.trigger)
            if rank:
                self.rank_rewards.append(_rank_reward(int(rank.group(1)), prize))
            elif score:
                self.thresholds.append((float(score.group(1)), prize))
            else:
                self.completions.append(prize)

    def score(self, metrics: dict[str, float]) -> float:
        """The formula's value. Raises `FormulaFailed`."""
        try:
            value = self._program.execute(metrics)
        except Exception as error:
            raise FormulaFailed(str(error).split("\n", 1)[0][:200]) from error
        if not isinstance(value, float) or not math.isfinite(value):
            raise FormulaFailed(f"the score formula gives {value!r}")
        return value + 0.0  # never -0.0: it equals 0 but is written differently


def rules_of(encoded: bytes) -> Rules:
    """The rules of an encoded definition. A cache only saves time: the same bytes are the same rules."""
    rules = _cache.get(encoded)
    if rules is None:
        if len(_cache) >= CACHED_MAX:
            _cache.clear()
        rules = _cache[encoded] = Rules(decode_definition(encoded))
    return rules


_cache: Final[dict[bytes, Rules]] = {}


def _prizes(rewards: list[Reward]) -> list[Prize]:
    seen: dict[str, int] = {}
    prizes = []
    for index, reward in enumerate(rewards):
        ordinal = seen.get(reward.trigger, 0)
        seen[reward.trigger] = ordinal + 1
        table = crate_table(reward.crate.table) if reward.crate else []
        prizes.append(Prize(index, reward.trigger, ordinal, grant_entries(reward.entries), table))
    return prizes


def _rank_reward(rank_max: int, prize: Prize) -> RankReward:
    return RankReward(
        rank_max=rank_max,
        trigger=prize.trigger,
        ordinal=prize.ordinal,
        entries=prize.entries,
        table=prize.table,
    )
