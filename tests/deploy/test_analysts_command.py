"""`questlog analysts` on the real stack, and the README's sample run as the account that it makes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests import plain_http
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack

README = Path(__file__).parents[2] / "README.md"


def questlog(stack: QuestlogStack, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.cli", "analysts", *words, "--home", str(stack.home)]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own


def address(stack: QuestlogStack) -> str:
    configured = json.loads((stack.home / "settings.json").read_bytes())
    return f"localhost:{urlsplit(configured['clickhouse_url']).port}"


def test_an_account_is_made_listed_and_revoked(questlog_stack: QuestlogStack) -> None:
    slug = questlog_stack.demo["studio"]["slug"]
    made = questlog(questlog_stack, "create", slug, "ann")
    assert made.returncode == 0, made.stderr
    (password,) = re.findall(r"^ {4}([\w-]{32})$", made.stdout, re.MULTILINE)
    stored = questlog_stack.home / "clickhouse" / "readers.json"
    assert (password in stored.read_text(), stored.stat().st_mode & 0o777) == (False, 0o600)
    url = f"http://ann:{password}@{address(questlog_stack)}/"
    seen = plain_http.post(url, content="SELECT uniqExact(studio_id) FROM questlog.events, sessions")
    assert (seen.status_code, seen.text.strip() in {"0", "1"}) == (200, True)

    listed = json.loads(questlog(questlog_stack, "list", slug, "--json").stdout)
    (ann,) = [one for one in listed if one["name"] == "ann"]
    assert (ann["studio"], ann["created_at_ms"] > 0) == (slug, True)
    assert f"ann\t{slug}\t20" in questlog(questlog_stack, "list").stdout
    assert "studios see all tables" in questlog(questlog_stack, "renew").stdout

    again = questlog(questlog_stack, "create", slug, "ann")
    assert (again.returncode, "there is an analyst ann already" in again.stderr) == (1, True)
    unknown = questlog(questlog_stack, "create", "nobody", "bob")
    assert (unknown.returncode, "there is no studio nobody" in unknown.stderr) == (1, True)
    wrong = questlog(questlog_stack, "create", slug, "Ann B")
    assert (wrong.returncode, "can't be called" in wrong.stderr) == (1, True)

    assert questlog(questlog_stack, "revoke", slug, "ann").stdout == "ann is revoked\n"
    assert plain_http.post(url, content="SELECT 1").status_code == 403
    gone = questlog(questlog_stack, "revoke", slug, "ann")
    assert (gone.returncode, "no analyst ann" in gone.stderr) == (1, True)


def test_the_readme_s_sample_runs_as_an_analyst(questlog_stack: QuestlogStack) -> None:
    samples = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    (sample,) = [code for code in samples if "CLICKHOUSE_DSN" in code]
    slug = questlog_stack.demo["studio"]["slug"]
    made = json.loads(questlog(questlog_stack, "create", slug, "sample", "--json").stdout)
    dsn = f"http://sample:{made['password']}@{address(questlog_stack)}/"
    ran = subprocess.run(  # noqa: S603 - the README's
        [sys.executable, "-c", sample],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"CLICKHOUSE_DSN": dsn},
    )
    assert questlog(questlog_stack, "revoke", slug, "sample").returncode == 0
    assert (ran.returncode, "events - What happened in games" in ran.stdout) == (0, True), ran.stderr
