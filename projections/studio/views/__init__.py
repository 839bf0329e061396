"""Views of studio for analysts: a file each (`projections.clickhouse.views`)."""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
