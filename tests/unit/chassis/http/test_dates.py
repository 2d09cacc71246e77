"""Days that callers name: which are taken, and that every door of ours takes no others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from chassis.http import Day
from chassis.http.bodies import parse
from chassis.http.dates import FIRST_DAY, LAST_DAY
from chassis.problems import Refusal

DOCS = Path(__file__).parents[4] / "docs" / "openapi"
BOUNDED = f"from {FIRST_DAY} to {LAST_DAY}"
OF_A_LIFE = {"birth_date", "died_on"}
"""Judged by the rules of registration, which compare them alone."""


class Asked(BaseModel):
    valid_from: Day


@pytest.mark.parametrize("day", [FIRST_DAY, LAST_DAY])
def test_the_first_and_the_last_are_taken(day: object) -> None:
    assert parse(f'{{"valid_from": "{day}"}}'.encode(), Asked).valid_from == day


@pytest.mark.parametrize("day", ["0001-01-01", "1999-12-31", "2200-01-01", "9999-12-31"])
def test_others_are_refused_by_their_field_in_both_languages(day: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse(f'{{"valid_from": "{day}"}}'.encode(), Asked)
    (told,) = refused.value.rejected.errors
    assert (told.field, told.code) == ("valid_from", "date_out_of_range")
    assert told.id != told.en
    assert str(LAST_DAY) in told.id
    assert str(LAST_DAY) in told.en


@pytest.mark.parametrize("service", ["payments", "registration"])
def test_every_date_that_comes_in_is_bounded(service: str) -> None:
    found = dict(_dates(json.loads((DOCS / f"{service}.json").read_text())["paths"], ()))
    assert found
    assert {"/".join(place) for place, bounds in found.items() if bounds != BOUNDED} == set()


def _dates(tree: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Of query parameters and bodies; a day that is part of an address finds nothing where there is no such day."""
    if isinstance(tree, list):
        for each in tree:
            if not (isinstance(each, dict) and each.get("in") == "path"):
                yield from _dates(each, (*place, each["name"]) if isinstance(each, dict) and "name" in each else place)
    elif isinstance(tree, dict):
        if tree.get("format") == "date" and not OF_A_LIFE & {*place}:
            yield place, tree.get("description", "")
        for name, each in tree.items():
            yield from _dates(each, (*place, name))
