"""Every refusal speaks both languages and says what to do."""

from __future__ import annotations

import string

from chassis.problems import ProblemType
from services.registration import problems
from services.registration.imports import problems as imports

ALL = [one for module in (problems, imports) for one in vars(module).values() if isinstance(one, ProblemType)]


def test_codes_are_unique() -> None:
    assert len({one.code for one in ALL}) == len(ALL) > 50


def test_both_languages_take_the_same_values_and_differ() -> None:
    for one in ALL:
        fields = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (one.id, one.en)]
        assert fields[0] == fields[1], one.code
        assert one.id != one.en, one.code
        assert one.id.endswith("."), one.code
        assert one.en.endswith("."), one.code
