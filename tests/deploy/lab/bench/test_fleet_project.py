"""What `questlog bench fleet` leaves on a stack: one studio, however often it runs, and nothing in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.cli import running_stack
from deploy.lab.bench.fleet_project import KEYS, STUDIO, open_project
from deploy.studio_administration import open_administration

if TYPE_CHECKING:
    from deploy.settings import Settings
    from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack


async def uploads(configured: Settings, base_url: str, *, fails: bool) -> int:
    """The builds that a run finds; it makes one itself."""
    async with open_project(configured, base_url) as project:
        found: int = (await project.call("GET", "/builds"))["total"]
        await project.upload("one", "server", b"PK")
        assert (await project.call("GET", "/builds"))["total"] == 1
        if fails:
            raise RuntimeError("broken off")
    return found


async def test_every_run_uses_the_same_studio_and_leaves_it_empty(questlog_stack: QuestlogStack) -> None:
    configured = running_stack.of_home(questlog_stack.home)
    assert await uploads(configured, questlog_stack.base_url, fails=False) == 0
    with pytest.raises(RuntimeError, match="broken off"):
        await uploads(configured, questlog_stack.base_url, fails=True)
    assert await uploads(configured, questlog_stack.base_url, fails=False) == 0
    async with open_administration(configured) as opened:
        (studio,) = [one for one in await opened.queries.studios() if one.slug == STUDIO]
        assert len(await opened.queries.games(studio.id)) == 1
        assert await opened.queries.keys(studio.id) == []
        async with open_project(configured, questlog_stack.base_url):
            assert len(await opened.queries.keys(studio.id)) == KEYS
