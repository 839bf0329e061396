"""Startup arguments are split as a POSIX shell splits them, and expand `${NAME}` alone."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.fleet.arguments import Unbalanced, words

VARIABLES = {"PORT": "7777", "NAME": "two words", "QUOTED": "'\"\\"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  \t\n", []),
        ("-port 7777  -map arena", ["-port", "7777", "-map", "arena"]),
        ("-port ${PORT}", ["-port", "7777"]),
        ("-name=${NAME}!", ["-name=two words!"]),
        ('"${NAME}" a"b c"d', ["two words", "ab cd"]),
        ("'${NAME}' \\${NAME}", ["${NAME}", "${NAME}"]),
        ('"\\${NAME} \\" \\\\ \\x"', ['${NAME} " \\ \\x']),
        ("${QUOTED}", ["'\"\\"]),
        ("${MISSING} '' \"\"", ["", "", ""]),
        ("$NAME ${} ${1} $(ls) `ls` *", ["$NAME", "${}", "${1}", "$(ls)", "`ls`", "*"]),
        ("a\\ b a\\\nb # c", ["a b", "ab", "#", "c"]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text, VARIABLES) == expected


@pytest.mark.parametrize("text", ["'", 'a "b', "a\\", "\"'", 'a "\\"'])
def test_unbalanced_text_is_refused(text: str) -> None:
    with pytest.raises(Unbalanced):
        words(text)


@given(st.lists(st.text()))
def test_what_a_shell_quotes_is_one_word(texts: list[str]) -> None:
    assert words(" ".join(map(shlex.quote, texts)), VARIABLES) == texts
