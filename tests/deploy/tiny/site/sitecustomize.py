"""Adds the tiny noun to the table of nouns of every process that has this folder in PYTHONPATH."""

import os
from pathlib import Path

from deploy import nouns
from projections.clickhouse import migrations
from tests.deploy.tiny.noun import TINY

nouns.NOUNS = (*nouns.NOUNS, TINY)
# Its numbered SQL file is in the folder of all others: here, in a copy of that folder.
migrations.read.__defaults__ = migrations.apply.__defaults__ = (Path(os.environ["TINY_SQL"]),)
