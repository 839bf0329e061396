"""The game itself: Freedoom in ViZDoom, headless, one decision at a time. Nothing else imports vizdoom."""

from __future__ import annotations

import shlex
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.lab.demo.game.bot import Move, Seen, View

if TYPE_CHECKING:
    from types import ModuleType

TICS_A_SECOND: Final = 35
TICS_A_MOVE: Final = 6
"""About six decisions a second: what a person manages, and the engine draws only the last of the tics."""
_BUTTONS: Final = (
    "MOVE_FORWARD", "MOVE_BACKWARD", "MOVE_LEFT_RIGHT_DELTA", "TURN_LEFT_RIGHT_DELTA",
    "ATTACK", "USE", "SPEED",
)  # fmt: skip
_VARIABLES: Final = (
    "POSITION_X", "POSITION_Y", "POSITION_Z", "ANGLE", "HEALTH", "SELECTED_WEAPON_AMMO", "SELECTED_WEAPON",
    "KILLCOUNT", "ITEMCOUNT", "SECRETCOUNT", "DAMAGECOUNT",
)  # fmt: skip
_WEAPONS: Final = (
    "Fist",
    "Fist",
    "Pistol",
    "Shotgun",
    "Chaingun",
    "RocketLauncher",
    "PlasmaRifle",
    "BFG9000",
)


class DemoUnavailableError(Exception):
    """The optional part is not installed, or the engine can't start here; the message says what to do."""


class Frame(msgspec.Struct, frozen=True):
    """The game at one decision. `tic` counts from the level's start; `seconds` is what it took to draw."""

    tic: int
    view: View
    weapon: str
    kills: int
    items: int
    secrets: int
    damage: int
    seconds: float
    state: str
    """playing, dead or exited."""


def load() -> ModuleType:
    """The vizdoom module. Raises `DemoUnavailableError` naming the extra that installs it."""
    try:
        import vizdoom  # noqa: PLC0415 - optional: only the demo needs it
    except ImportError as error:
        raise DemoUnavailableError(
            "the demo game needs ViZDoom, which is not installed: install the extra `demo` "
            "(pip install 'questlog[demo]', or pip install vizdoom)"
        ) from error
    return vizdoom


def wad_path(level: str) -> Path:
    """The file that holds the level, as ViZDoom ships it: Freedoom Phase 1 for ExMy, Phase 2 for MAPnn."""
    return Path(str(load().__file__)).parent / (
        "freedoom2.wad" if level.startswith("MAP") else "freedoom1.wad"
    )


class Engine:
    """One running game. `start` begins a level, `play` holds buttons for a decision; close it when done.

    `wide` draws half as many pixels again, which is how the demo's two builds differ in frame rate.
    """

    def __init__(self, *, wad: Path, skill: int, seed: int, wide: bool) -> None:
        self._viz: Any = load()
        self._folder = tempfile.TemporaryDirectory(
            prefix="questlog-demo-"
        )  # the engine writes its settings there
        game = self._viz.DoomGame()
        game.set_doom_game_path(str(wad))
        game.set_vizdoom_path(self._leash())
        game.set_doom_config_path(f"{self._folder.name}/engine.ini")
        resolution = self._viz.ScreenResolution
        game.set_screen_resolution(resolution.RES_200X150 if wide else resolution.RES_160X120)
        game.set_screen_format(self._viz.ScreenFormat.GRAY8)
        game.set_labels_buffer_enabled(True)
        game.set_window_visible(False)
        game.set_sound_enabled(False)
        game.set_render_hud(False)
        game.set_doom_skill(skill)
        game.set_seed(seed)
        game.set_mode(self._viz.Mode.PLAYER)
        for button in _BUTTONS:
            game.add_available_button(getattr(self._viz.Button, button))
        for variable in _VARIABLES:
            game.add_available_game_variable(getattr(self._viz.GameVariable, variable))
        self._game = game
        self._width = 200 if wide else 160
        self._height = 150 if wide else 120
        self._picture: Any = None
        self._started = False
        self._last: Frame | None = None

    def start(self, level: str) -> Frame:
        """Begin the level anew. Raises `DemoUnavailableError` where the engine can't run."""
        self._game.set_doom_map(level)
        try:
            if self._started:
                self._game.new_episode()
            else:
                self._game.init()
        except Exception as error:
            raise DemoUnavailableError(f"the game engine did not start: {error}") from error
        self._started = True
        self._last = None
        return self._look(0.0)

    def play(self, move: Move) -> Frame:
        """Hold the buttons for one decision and look again."""
        before = time.perf_counter()
        try:
            self._game.make_action(
                [
                    move.forward, move.backward, 20.0 * move.strafe,
                    max(-60.0, min(60.0, move.turn)) / TICS_A_MOVE, move.attack, move.use, move.run,
                ],
                TICS_A_MOVE,
            )  # fmt: skip
        except Exception as error:
            raise DemoUnavailableError(f"the game engine stopped: {error}") from error
        return self._look(time.perf_counter() - before)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a picture, in pixels."""
        return self._width, self._height

    def picture(self) -> bytes:
        """What was drawn last: rows of grey pixels, a byte each. Raises `DemoUnavailableError` before."""
        if self._picture is None:
            raise DemoUnavailableError("nothing was drawn yet")
        return bytes(self._picture.tobytes())

    def close(self) -> None:
        """Stop the engine and remove its folder; closing twice is harmless."""
        self._game.close()
        self._folder.cleanup()

    def _leash(self) -> str:
        """A program that runs the engine in its own folder, and so that it dies with this process.

        ViZDoom's engine leaves a folder where it is started, and outlives a killed parent, waiting for it for
        ever; without `setpriv` it still may.
        """
        engine = [str(Path(str(self._viz.__file__)).parent / "vizdoom")]
        if (setpriv := shutil.which("setpriv")) is not None:
            engine = [setpriv, "--pdeathsig", "KILL", *engine]
        leash = Path(self._folder.name) / "engine.sh"
        leash.write_text(
            f'#!/bin/sh\ncd {shlex.quote(self._folder.name)} || exit 1\nexec {shlex.join(engine)} "$@"\n'
        )
        leash.chmod(0o700)
        return str(leash)

    def _look(self, seconds: float) -> Frame:
        if self._game.is_episode_finished():
            if self._last is None:
                raise DemoUnavailableError("the level ended before it began")
            state = "dead" if self._game.is_player_dead() else "exited"
            view = msgspec.structs.replace(self._last.view, health=0) if state == "dead" else self._last.view
            return msgspec.structs.replace(
                self._last, tic=self._last.tic + TICS_A_MOVE, seconds=seconds, state=state, view=view
            )
        state = self._game.get_state()
        self._picture = state.screen_buffer
        x, y, z, angle, health, ammo, weapon, kills, items, secrets, damage = map(float, state.game_variables)
        middle = self._width / 2
        seen = [
            Seen(
                name=label.object_name,
                category=label.object_category,
                bearing=(label.x + label.width / 2 - middle) / middle,
                size=label.width * label.height,
            )
            for label in state.labels
            if label.object_category != "Self"
        ]
        self._last = Frame(
            tic=state.tic,
            view=View(x=x, y=y, z=z, angle=angle, health=int(health), ammo=int(ammo), seen=seen),
            weapon=_WEAPONS[min(int(weapon), len(_WEAPONS) - 1)],
            kills=int(kills),
            items=int(items),
            secrets=int(secrets),
            damage=int(damage),
            seconds=seconds,
            state="playing",
        )
        return self._last
