"""A Faust application for one role. One role is one consumer group, so a stall of one never holds another.

Source of the settings: the lab notes on Faust (A1 to A21). No tables, changelogs, transactions, web server or
internal topics: state comes from the log itself, positions come from the stores.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import faust

from schemas.topics import RECORD_BYTES_MAX
from streams.runtime import patches
from streams.runtime.brokers import Brokers, at

SESSION_SECONDS: Final = 6.0

BUFFER_RECORDS: Final = 64
"""Records between fetcher and reader. Records are batches, so more would be memory and not speed."""


def create_application(
    role: str,
    *,
    instance: str,
    bootstrap: Brokers | str,
    data_dir: Path,
    group_prefix: str = "questlog",
    fetch_min_bytes: int = 1,
    **settings: Any,
) -> faust.App:
    """The Faust app of a role; call it inside the running event loop.

    `instance` names this process among the role's processes and must be stable over restarts: a worker that
    comes back within the session takes its partitions at once. With `fetch_min_bytes` it may be sent a
    record up to FETCH_MAX_WAIT_MS later, in company: for roles that no request waits for, since each fetch
    costs a worker and the broker as much as hundreds of commands. `settings` override Faust's.
    """
    patches.apply()
    brokers = at(bootstrap)
    patches.fetch(f"{group_prefix}-{role}", bytes_min=fetch_min_bytes, rack=brokers.rack)
    defaults: dict[str, Any] = {
        **brokers.faust(),
        "datadir": data_dir / "faust" / f"{role}-{instance}",
        "store": "memory://",
        "processing_guarantee": "at_least_once",
        "consumer_group_instance_id": f"{group_prefix}-{role}-{instance}",
        "broker_client_id": f"{group_prefix}-{role}-{instance}",
        "broker_session_timeout": SESSION_SECONDS,
        "broker_heartbeat_interval": 1.0,
        "broker_rebalance_timeout": 8.0,
        "broker_request_timeout": 15.0,
        # A fold may take long, and fetching has its own thread: our watchdog decides, not the group.
        "broker_max_poll_interval": 600.0,
        "broker_max_poll_records": BUFFER_RECORDS,
        # Positions come from the stores; what is committed is for lag displays of Kafka tools only.
        "broker_commit_interval": 2.0,
        "broker_commit_every": 10_000,
        "consumer_auto_offset_reset": "earliest",
        "consumer_max_fetch_size": RECORD_BYTES_MAX,
        "consumer_metadata_max_age_ms": 15_000,
        "stream_buffer_maxsize": BUFFER_RECORDS,
        "stream_wait_empty": True,
        "stream_publish_on_commit": False,
        "table_standby_replicas": 0,
        "producer_acks": -1,
        "producer_request_timeout": 12.0,
        "producer_linger": 0,
        "key_serializer": "raw",
        "value_serializer": "raw",
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "web_enabled": False,
        "autodiscover": False,
        "worker_redirect_stdouts": False,
    }
    data_dir.mkdir(parents=True, exist_ok=True)
    (data_dir / "faust").mkdir(exist_ok=True)
    return faust.App(f"{group_prefix}-{role}", **{**defaults, **settings})


def last_heartbeat_age_ms(app: faust.App) -> float:
    """Milliseconds since the group last accepted this worker; infinite before it joined.

    A worker must not take effect outside the log (an insert) when this is over half a session: exit instead.
    """
    return patches.heartbeat_age_s(app.conf.id) * 1000.0
