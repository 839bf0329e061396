"""The demo's playtests: a studio orders and reviews, playtesters claim, play, record and submit, all by S2.

A round makes every state that an order and a slot can have within a minute; only `expired` takes its day: a
slot's deadline is 24 hours by the log's time, which nothing shortens.
"""

from __future__ import annotations

import random
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import msgspec

from deploy.lab.demo.game.bot import TEMPERAMENTS
from deploy.lab.demo.game.engine import DemoUnavailableError
from deploy.lab.demo.game.recording import CONTENT_TYPE, record

if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT_SECONDS: Final = 30
ROUND_SECONDS: Final = 600.0
ORDERS_MAX: Final = 20
"""Of the game: a page. Once it is full no round begins any more, so the demo's recordings stay few."""
LEVELS: Final = ("MAP01", "E1M1")
NOTES: Final = "Died at the same door again. The shotgun is great."


class Panel(msgspec.Struct, frozen=True):
    """Who takes part: the game's id, its owner's key, and those of two playtesters."""

    base_url: str
    game_id: str
    owner: str
    testers: tuple[str, str]


class Playtests:
    """Rounds in a thread of its own. Nothing it meets ends the game."""

    def __init__(self, panel: Panel, tell: Callable[[str], None]) -> None:
        self._panel = panel
        self._tell = tell
        self._stop = threading.Event()
        self._dice = random.Random()  # noqa: S311 - a game's dice
        self._thread = threading.Thread(target=self._work, name="demo-playtests", daemon=True)
        self._thread.start()

    def close(self, patience_seconds: float) -> None:
        """Begin nothing more, and wait for what is under way."""
        self._stop.set()
        self._thread.join(patience_seconds)

    def _work(self) -> None:
        with httpx.Client(base_url=f"{self._panel.base_url}/api/v1", timeout=TIMEOUT_SECONDS) as http:
            while not self._stop.is_set():
                try:
                    Round(self._panel, http, self._recording).play()
                except (httpx.HTTPError, KeyError, ValueError, DemoUnavailableError) as error:
                    self._tell(f"a playtest was left: {error}")
                self._stop.wait(ROUND_SECONDS)

    def _recording(self, number: int) -> bytes:
        if self._stop.is_set():
            raise DemoUnavailableError("the demo stops")
        with tempfile.TemporaryDirectory(prefix="questlog-demo-") as folder:
            file = Path(folder) / "recording.webm"
            temperament = TEMPERAMENTS[number % len(TEMPERAMENTS)]
            record(file, LEVELS[number % 2], skill=1 + number % 2, temperament=temperament, random=self._dice)
            return file.read_bytes()


class Round:
    """One round; raises httpx.HTTPError for whatever is not a success."""

    def __init__(self, panel: Panel, http: httpx.Client, recording: Callable[[int], bytes]) -> None:
        self._panel = panel
        self._http = http
        self._recording = recording

    def play(self) -> None:
        """Order, claim, play, submit, review; nothing where the game has its orders."""
        owner, (ada, grace) = self._panel.owner, self._panel.testers
        listed = self._ask("GET", f"/games/{self._panel.game_id}/playtests?limit={ORDERS_MAX}", owner)
        if len(listed["playtests"]) >= ORDERS_MAX:
            return
        if listed["eligibleForFreeTrial"]:
            self._order(isFreePublicTrial=True)
        reserved = self._order(quantity=3, notesForTesters="Try to break the doors.")
        self._claim(reserved, ada)
        blocked = self._claim(reserved, grace)
        self._ask(
            "POST", f"/playtests/slots/{blocked}/block", grace, reasonCode="crash", notes="At the lift."
        )
        pool = self._order(quantity=2, selectionMode="manual", qualifications="Loves old shooters.")
        applied = [
            self._ask("POST", f"/playtests/{pool}/apply", key, qualificationsResponse=text)["application"][
                "id"
            ]
            for key, text in ((ada, "I have played them since 1993."), (grace, "I design levels."))
        ]
        self._ask("POST", f"/playtests/playtest-applications/{applied[0]}/approve", owner)
        self._ask("POST", f"/playtests/{self._order(quantity=1)}/cancel", owner)
        self._order(quantity=3, durationMinutes=120, payFromCredit=False)  # left to be paid
        keys = [f"DEMO-{self._number()}" for _ in range(3)]
        private = self._order(quantity=2, keysForTesters=keys, notesForTesters="Play the first two levels.")
        public = self._order(visibility="public", quantity=2)
        self._submit(public, grace, 0)  # left for the review queue
        rejected = self._submit(private, grace, 1)
        reason = "Too dark to see anything."
        self._ask("POST", f"/playtests/slots/{rejected}/reject", owner, reason=reason)
        for order, number in ((private, 2), (public, 3)):
            slot = self._submit(order, ada, number)
            self._ask("POST", f"/playtests/slots/{slot}/accept", owner, rating=5, comment="Thorough.")

    def _order(self, **body: Any) -> str:
        body.setdefault("payFromCredit", "isFreePublicTrial" not in body)
        path = f"/games/{self._panel.game_id}/playtests"
        made = self._ask("POST", path, self._panel.owner, **body)
        return str(made["playtest"]["id"])

    def _claim(self, order: str, key: str) -> str:
        return str(self._ask("POST", f"/playtests/{order}/claim", key)["slot"]["id"])

    def _submit(self, order: str, key: str, number: int) -> str:
        slot = self._claim(order, key)
        video = self._recording(number)
        path = f"/playtests/slots/{slot}"
        given = self._ask("POST", f"{path}/upload-url", key, size=len(video), contentType=CONTENT_TYPE)
        self._http.put(
            given["uploadUrl"], content=video, headers={"content-type": CONTENT_TYPE}
        ).raise_for_status()
        self._ask("POST", f"{path}/submit", key, uploadId=given["uploadId"], notes=NOTES)
        return slot

    def _ask(self, method: str, path: str, key: str, **body: Any) -> Any:
        """The answer's `data`."""
        content = None if method == "GET" else body
        answer = self._http.request(method, path, json=content, headers={"authorization": f"Bearer {key}"})
        if not answer.is_success:
            raise httpx.HTTPError(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        return answer.json()["data"]

    @staticmethod
    def _number() -> str:
        return f"{random.getrandbits(40):010X}"
