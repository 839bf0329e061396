"""The modules whose text decides what the fold of any noun gives."""

from __future__ import annotations

from typing import Final

import schemas.codec
from streams.deciders import fold, log_time, state_chunks

FOLD_CODE: Final = (fold, log_time, state_chunks, schemas.codec)
