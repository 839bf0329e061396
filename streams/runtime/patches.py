"""What is changed in Faust and aiokafka, and why. Each change and each fact leant on has a canary test.

Applied once, by `application.create_application`. The versions are pinned: another one is refused at start,
until tests/streams/test_upstream_canaries.py has been run and read against it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final, NamedTuple

import faust.streams
from aiokafka.consumer.group_coordinator import GroupCoordinator
from faust.transport.consumer import Consumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Producer

PINNED: Final = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0", "mode-streaming": "0.7.1"}

FETCH_MAX_WAIT_MS: Final = 250
"""How long the broker holds an empty fetch. Faust's 1500 is the delay of a partition that just joined."""


class _Fetch(NamedTuple):
    bytes_min: int = 1
    rack: str | None = None


_heartbeats: dict[str, float] = {}
_fetches: dict[str, _Fetch] = {}
_applied = False


def apply() -> None:
    """Check the pins and patch. Calling it again changes nothing. Raises RuntimeError on another version."""
    global _applied  # noqa: PLW0603 - patches belong to the process
    if _applied:
        return
    for package, pinned in PINNED.items():
        if version(package) != pinned:
            raise RuntimeError(
                f"{package} is {version(package)}; the runtime's patches are proven for {pinned}"
            )
    if vars(faust.streams).get("_CStreamIterator") is None:
        raise RuntimeError("faust's compiled stream iterator is missing: install the wheel, not the source")
    _create_worker_consumer = AIOKafkaConsumerThread._create_worker_consumer  # noqa: SLF001
    _do_heartbeat = GroupCoordinator._do_heartbeat  # noqa: SLF001

    def create_worker_consumer(self: Any, transport: Any) -> Any:
        consumer = _create_worker_consumer(self, transport)
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS  # noqa: SLF001 - hard-coded upstream
        fetch = _fetches.get(transport.app.conf.id, _Fetch())
        consumer._fetch_min_bytes = fetch.bytes_min  # noqa: SLF001 - likewise
        consumer._client_rack = fetch.rack  # noqa: SLF001 - Faust passes none on
        return consumer

    async def do_heartbeat(self: Any) -> bool:
        accepted: bool = await _do_heartbeat(self)
        if accepted:
            _heartbeats[self.group_id] = time.monotonic()
        return accepted

    _replace(AIOKafkaConsumerThread, "_create_worker_consumer", create_worker_consumer)
    _replace(GroupCoordinator, "_do_heartbeat", do_heartbeat)
    _replace(Consumer, "on_buffer_full", _keep_fetching)
    _replace(Producer, "_settings_extra", _idempotent)
    _applied = True


def fetch(group_id: str, *, bytes_min: int, rack: str | None) -> None:
    """How this group fetches. Call it before the start.

    The broker gathers so many bytes, or FETCH_MAX_WAIT_MS; where there is a replica in `rack`, it is read.
    """
    _fetches[group_id] = _Fetch(bytes_min, rack)


def _replace(owner: type, name: str, function: Any) -> None:
    if not hasattr(owner, name):
        raise RuntimeError(f"{owner.__name__} has no {name} any more")
    setattr(owner, name, function)


def _keep_fetching(_consumer: Any, _partition: Any) -> None:
    """Do nothing: a full buffer blocks the fetcher by itself.

    Upstream also pauses the partition, and sleeps a second whenever all are paused: a reader of one partition
    would stand still for most of each second.
    """


def _idempotent(_producer: Any) -> Mapping[str, Any]:
    """Upstream's own producer is not idempotent outside transactions, so a retry could append twice."""
    return {"acks": "all", "enable_idempotence": True}


def mark_heartbeat(group_id: str) -> None:
    """Joining the group is as good as a heartbeat."""
    _heartbeats[group_id] = time.monotonic()


def heartbeat_age_s(group_id: str) -> float:
    """Seconds since the group coordinator last accepted this member (infinite when it never did).

    It grows while the process is stopped (SIGSTOP), so a zombie sees its age before it acts.
    """
    last = _heartbeats.get(group_id)
    return float("inf") if last is None else time.monotonic() - last
