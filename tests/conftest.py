"""Fixtures of all rooms, and how their tests are dealt to processes.

`kafka`, `redis_url` and `clickhouse_url` are the real thing, started on first use, once in each process.
"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, settings

from tests.distribution import Dealing, in_order
from tests.migrated import drop_those_of_this_file
from tests.stack import QuestlogStack, SharedStack, infra

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xdist.remote import Producer


# Brokers live for minutes here: Java's second compiler would cost more than it gives.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")

SHARED: Final = pytest.StashKey[SharedStack]()
SHARING: Final = pytest.StashKey[set[Path]]()
"""Files with tests that use the shared stack."""

# An example that takes long on a machine with other work is no finding. The same examples in each run: what a
# run finds can be found again. `pytest --hypothesis-profile=search` draws others.
_SLOW = [HealthCheck.too_slow]
settings.register_profile("questlog", deadline=None, suppress_health_check=_SLOW, derandomize=True)
settings.register_profile("search", deadline=None, suppress_health_check=_SLOW)
settings.load_profile("questlog")


def pytest_configure() -> None:
    """SIGTERM ends a run as Ctrl-C does: fixtures are torn down, so that no store or stack outlives it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items[:] = in_order(items)
    config.stash[SHARING] = {
        item.path for item in items if "questlog_stack" in getattr(item, "fixturenames", ())
    }


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """End the shared stack before the first file that does without: idle it takes a fifth of a core."""
    if SHARED in item.config.stash and item.path not in item.config.stash[SHARING]:
        item.config.stash[SHARED].end()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Dealing:
    return Dealing(config, log)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of a broker without topics. It is shared: use topic names of your own."""
    with infra(tmp_path_factory.mktemp("kafka"), "kafka") as url:
        yield url


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an empty Redis. It is shared: use a key prefix or a database number of your own."""
    with infra(tmp_path_factory.mktemp("redis"), "redis") as url:
        yield url


@pytest.fixture(scope="session")
def clickhouse_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Home of the ClickHouse of `clickhouse_url`: `clickhouse/readers.json` in it names read-only users."""
    return tmp_path_factory.mktemp("clickhouse")


@pytest.fixture(scope="session")
def clickhouse_url(clickhouse_home: Path) -> Iterator[str]:
    """URL of an empty ClickHouse. It is shared: use a database of your own."""
    with infra(clickhouse_home, "clickhouse") as url:
        yield url


@pytest.fixture(scope="module", autouse=True)
def databases_of_a_file() -> Iterator[None]:
    """Their background threads run until they are dropped."""
    yield
    asyncio.run(drop_those_of_this_file())


@pytest.fixture(scope="session")
def shared_stack(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SharedStack]:
    """Holds the stack that files share, for as long as they come."""
    shared = SharedStack(tmp_path_factory.mktemp("questlog"))
    pytestconfig.stash[SHARED] = shared
    yield shared
    shared.end()


@pytest.fixture(scope="module")
def questlog_stack(shared_stack: SharedStack) -> QuestlogStack:
    """The whole stack on ports and a home of its own, with the demo studios loaded and no bots playing."""
    return shared_stack.running()
