"""A playtest's recording: what a bot sees while it plays Freedoom, as a WebM video."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

from deploy.lab.demo.game.bot import Bot, Temperament
from deploy.lab.demo.game.engine import TICS_A_MOVE, TICS_A_SECOND, DemoUnavailableError, Engine, wad_path
from deploy.lab.demo.game.navigation import Grid
from deploy.lab.demo.game.wad import read_level

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

CONTENT_TYPE: Final = "video/webm"
SECONDS: Final = 20
PICTURES_MAX: Final = SECONDS * TICS_A_SECOND // TICS_A_MOVE
BYTES_MAX: Final = 2 * 2**20
ENCODE_SECONDS_MAX: Final = 120.0


def record(file: Path, level: str, *, skill: int, temperament: Temperament, random: Random) -> int:
    """Play a level for at most 20 s of game time and write what was seen to `file`; its size in bytes.

    Pictures are shown as often as the bot decides: 5.8 a second. Raises `DemoUnavailableError`.
    """
    wad = wad_path(level)
    plan = read_level(wad, level)
    bot = Bot(plan, Grid(plan), temperament, random)
    engine = Engine(wad=wad, skill=skill, seed=random.randrange(1 << 31), wide=skill > 1)
    pictures: list[bytes] = []
    try:
        frame = engine.start(level)
        while frame.state == "playing" and len(pictures) < PICTURES_MAX:
            pictures.append(engine.picture())
            frame = engine.play(bot.decide(frame.view))
    finally:
        engine.close()
    return encode(file, pictures, engine.size)


def encode(file: Path, pictures: list[bytes], size: tuple[int, int]) -> int:
    """Write grey pictures of one size as VP8 in WebM, twice as large. Raises `DemoUnavailableError`."""
    try:
        from imageio_ffmpeg import get_ffmpeg_exe  # noqa: PLC0415 - optional: only the demo needs it
    except ImportError as error:
        raise DemoUnavailableError(
            "recordings need imageio-ffmpeg, which is not installed: install the extra `demo`"
        ) from error
    width, height = size
    command = [
        *(get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-y"),
        *("-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{width}x{height}"),
        *("-r", f"{TICS_A_SECOND}/{TICS_A_MOVE}", "-i", "pipe:0"),
        *("-vf", f"scale={2 * width}:{2 * height}:flags=neighbor", "-pix_fmt", "yuv420p"),
        *("-c:v", "libvpx", "-b:v", "150k", "-deadline", "realtime", "-cpu-used", "8", "-threads", "1"),
        *("-fs", str(BYTES_MAX), "-f", "webm", str(file)),
    ]
    try:
        subprocess.run(
            command, input=b"".join(pictures), capture_output=True, check=True, timeout=ENCODE_SECONDS_MAX
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise DemoUnavailableError(f"the recording could not be encoded: {error}") from error
    return file.stat().st_size
