from __future__ import annotations

import pytest

from schemas.studio.unknown_studio import LISTED_MAX, unknown_studio


@pytest.mark.parametrize(
    ("name", "slugs", "said"),
    [
        ("dmeo", ["demo", "other"], "there is no studio dmeo: did you mean demo?"),
        ("Red", ["redfox", "red2", "red1", "red"], "there is no studio Red: did you mean red or red2?"),
        ("nobody", ["demo"], "there is no studio nobody: there is demo"),
        ("nobody", ["zoo", "demo"], "there is no studio nobody: there are demo, zoo"),
        ("nobody", [], "there is no studio nobody, nor any other: `questlog apply FILE` makes one"),
        (
            "nobody",
            [f"s{number}" for number in range(LISTED_MAX + 1)],
            "there is no studio nobody: `questlog keys list` shows keys with their studios",
        ),
    ],
)
def test_the_nearest_that_exist_are_named_else_all_or_how_to_list_them(
    name: str, slugs: list[str], said: str
) -> None:
    assert unknown_studio(name, slugs) == said
