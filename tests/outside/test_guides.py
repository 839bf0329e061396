"""The guides' samples for curl, Python and TypeScript run as printed against the running stack.

What stands for the reader's own (a region, a build) is put in the place of the guide's. TypeScript is
written so that Node takes it as it is; `@msgpack/msgpack` is the copy that the console has.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.outside.hosts import SimulatedHost
from tests.outside.projects import REGION
from tests.outside.world import World
from tests.samples import GUIDES, Sample, samples

pytestmark = pytest.mark.stack
KEYS = {
    "events-json": "pl_ik",
    "events-messagepack": "public_token",
    "live-ops": "lo_live",
    "playtests": "wpg_sk",
    "servers": "pf",
    "mcp": "pl_mgmt",
}
OWN = {'"eu-west"': f'"{REGION}"', '"duel"': '"s5"'}
SAID = {
    "events-json": '"accepted"',
    "events-messagepack": "queued",
    "live-ops": "leaderboard",
    "playtests": "",
    "servers": "stopped",
    "mcp": "list_games",
}
"""What each prints when it has worked, beside ending well."""
RUN = [one for one in samples() if one.guide in KEYS and one.language in {"bash", "python", "typescript"}]


@pytest.mark.parametrize("sample", RUN, ids=[f"{one.guide}-{one.language}" for one in RUN])
async def test_a_sample_runs_as_printed(
    world: World, host: SimulatedHost, tmp_path: Path, sample: Sample
) -> None:
    assert host.id
    text = sample.text
    for printed, own in OWN.items():
        text = text.replace(printed, own)
    command = [*_command(sample.language, tmp_path), str(tmp_path / "sample")]
    file = tmp_path / ("sample.mjs" if sample.language == "typescript" else "sample")
    file.write_text(text)
    command[-1] = str(file)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "QUESTLOG_URL": world.demo["base_url"],
        "QUESTLOG_KEY": world.keys[KEYS[sample.guide]],
    }
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert SAID[sample.guide] in output.decode()


def _command(language: str, folder: Path) -> list[str]:
    if language == "python":
        return [sys.executable]
    if language == "bash":
        return ["bash", "-euo", "pipefail"]
    package = folder / "node_modules" / "@msgpack" / "msgpack"
    package.mkdir(parents=True)
    shutil.copy(GUIDES.parent / "docs_static" / "msgpack.min.js", package / "msgpack.cjs")
    (package / "index.mjs").write_text('import all from "./msgpack.cjs"; export const encode = all.encode;')
    (package / "package.json").write_text('{"name": "@msgpack/msgpack", "exports": "./index.mjs"}')
    return ["node"]
