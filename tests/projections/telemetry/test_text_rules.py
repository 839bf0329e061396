"""What messages are found to be about."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.telemetry.text_rules import find_in_text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("There is a BUG, and I love it", "bug-report"),
        ("it softlock'd", None),
        ("softlock!", "bug-report"),
        ("crashes all the time", None),
        ("debug menu", None),
        ("I'm stuck at the door", "stuck-point"),
        ("way too   hard", "difficulty-spike"),
        ("too, hard", "difficulty-spike"),
        ("hard, too", None),
        ("so boring. the menu is bad", "pacing-issue"),
        ("too slow", "pacing-issue"),
        ("I hate this button", "ui-friction"),
        ("the hud is fine", None),
        ("bad", None),
        ("unclear where to go", "confusion"),
        ("I wish it had co-op", "feature-request"),
        ("please add co-op", "feature-request"),
        ("please, do add co-op", None),
        ("Great!", "praise"),
        ("\uff27\uff52eat", "praise"),
        ("not fun", None),
        ("never was it fun", None),
        ("this isn't any fun", None),
        ("isn\u2019t fun", None),
        ("it does not feel like fun", None),
        ("it did not seem very much like fun", "praise"),
        ("not great, but I really do love the boss", "praise"),
        ("lovely", None),
        ("<b>fun</b>", "praise"),
        ("", None),
        ("🙂", None),
    ],
)
def test_messages(text: str, kind: str | None) -> None:
    found = find_in_text(text)
    assert (found and found.type) == kind


def test_sentiments() -> None:
    found = [find_in_text(text) for text in ("bug", "wish", "fun")]
    assert [one and one.sentiment for one in found] == ["negative", "neutral", "positive"]


@given(st.text(max_size=200))
def test_case_does_not_matter_and_any_text_is_read(text: str) -> None:
    assert find_in_text(f"{text} \n bug") is not None
    found = find_in_text(text)
    if text.isascii():
        assert find_in_text(text.upper()) == found
