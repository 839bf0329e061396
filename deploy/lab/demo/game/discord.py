"""The demo's Discord thread: what testers say of the harder build, sent as a studio's bot does. Pure."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from deploy.lab.demo.game.payloads import Request

MESSAGE_EVERY_MS: Final = 20_000
AGO_MS: Final = 45 * 60_000
"""Long enough for the thread's session to be over, so that it is analyzed at once."""
_CHANNEL: Final = "1234567890"
_THREAD: Final = "thread-harder-build"
_TITLE: Final = "What do you think of the harder build?"
_SAID: Final = (
    ("Ada", "The shotgun is great, I love the sound of it"),
    ("Grace", "E2M2 is too hard now, the imps kill me in the first room"),
    ("Hedy", "I got stuck behind the crates in E1M1 and had to restart"),
    ("Radia", "It crashed once when I opened the menu in a fight"),
    ("Grace", "The ammo counter in the HUD is annoying, I can't read it"),
    ("Ada", "Please add a map, I am confused in E4M6"),
)


def thread_request(game_id: str, build_id: str, now_ms: int) -> Request:
    """The thread's messages. Sent again, each still counts once in its session."""
    began = now_ms - AGO_MS - MESSAGE_EVERY_MS * len(_SAID)
    messages: list[dict[str, Any]] = []
    for number, (author, text) in enumerate(_SAID):
        at_ms = began + number * MESSAGE_EVERY_MS
        messages.append({"id": f"demo-{number}", "author": author, "text": text, "timestamp": at_ms})
    body = {"channel_id": _CHANNEL, "thread_id": _THREAD, "game": game_id, "title": _TITLE, "build": build_id,
            "messages": messages}  # fmt: skip
    return Request(
        "/api/webhooks/discord", "application/json", "pl_mgmt", msgspec.json.encode(body), len(messages)
    )
