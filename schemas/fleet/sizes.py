"""What servers can be: sizes with their CPU and memory, and regions. Source: contract/fleet.md, "Start"."""

from __future__ import annotations

from typing import Final, Literal, get_args

import msgspec

ComputeSize = Literal[
    "micro",
    "small",
    "medium",
    "large",
    "xlarge",
    "dedicated-small",
    "dedicated-medium",
    "dedicated-large",
    "dedicated-xlarge",
    "persistent-small",
    "persistent-medium",
    "persistent-large",
    "persistent-xlarge",
]
Region = Literal[
    "us-east",
    "us-west",
    "eu-north",
    "eu-west",
    "ap-south",
    "sea",
    "ea",
    "ap-north",
    "ap-southeast",
    "south-africa",
    "south-america-brazil",
    "south-america-chile",
]
COMPUTE_SIZES: Final[tuple[ComputeSize, ...]] = get_args(ComputeSize)
REGIONS: Final[tuple[Region, ...]] = get_args(Region)


class Size(msgspec.Struct, frozen=True):
    """What a server of a size gets."""

    cpu_millis: int
    """Thousandths of a core: the most that it may use."""
    memory_mb: int
    dedicated: bool = False
    """On cores of its own, `cpu_millis` / 1000 of them."""
    persistent: bool = False
    """Without ttl, and always restarted."""

    @property
    def cores(self) -> int:
        """Cores of its own; 0 where it shares."""
        return self.cpu_millis // 1000 if self.dedicated else 0


SIZES: Final[dict[ComputeSize, Size]] = {
    "micro": Size(500, 512),
    "small": Size(1000, 1024),
    "medium": Size(2000, 2048),
    "large": Size(4000, 4096),
    "xlarge": Size(8000, 8192),
    "dedicated-small": Size(1000, 2048, dedicated=True),
    "dedicated-medium": Size(2000, 4096, dedicated=True),
    "dedicated-large": Size(4000, 8192, dedicated=True),
    "dedicated-xlarge": Size(8000, 16384, dedicated=True),
    "persistent-small": Size(1000, 1024, persistent=True),
    "persistent-medium": Size(2000, 2048, persistent=True),
    "persistent-large": Size(4000, 4096, persistent=True),
    "persistent-xlarge": Size(8000, 8192, persistent=True),
}
