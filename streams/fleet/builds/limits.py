"""Bounds of what a build may be. Source: contract/fleet.md, "Builds", where it names a number."""

from __future__ import annotations

from typing import Final

UPLOAD_BYTES_MAX: Final = 2 * 2**30
ENTRIES_MAX: Final = 50_000
"""Files, folders and links."""
UNPACKED_BYTES_MAX: Final = 8 * 2**30
RATIO_MAX: Final = 100
"""What an archive holds is at most so many times its own size, counted as it is written."""
PATH_BYTES_MAX: Final = 1_024
PART_BYTES_MAX: Final = 255
"""One name of a path: what Linux's file systems take."""
DEPTH_MAX: Final = 64
LINK_BYTES_MAX: Final = 4_095
"""A link's target: Linux's PATH_MAX without its NUL."""
LINKS_FOLLOWED_MAX: Final = 40
"""As the kernel does: beyond it a path is taken for one that goes round in circles."""
PIECE_BYTES: Final = 256 * 1024
"""What is read and written at a time."""

IMAGE_BYTES_MAX: Final = 4 * 2**30
"""What of an image is pulled."""
IMAGE_ENTRIES_MAX: Final = 200_000
IMAGE_LAYERS_MAX: Final = 128
IMAGE_JSON_BYTES_MAX: Final = 4 * 2**20
"""Of a manifest or a configuration."""
IMAGE_CONFIG_BYTES_MAX: Final = 64 * 1024
"""Of what is kept of a configuration, as JSON: it is in the log."""
