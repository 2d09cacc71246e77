"""Days and times that callers name: which are taken, and that every door of ours takes no others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from chassis.http import Day, Moment
from chassis.http.bodies import parse
from chassis.http.dates import FIRST_DAY, LAST_DAY
from chassis.problems import Refusal

DOCS = Path(__file__).parents[4] / "docs" / "openapi"
BOUNDS = {"date": f"from {FIRST_DAY} to {LAST_DAY}", "date-time": f"from {FIRST_DAY} to {LAST_DAY}, UTC"}
EVERY = [
    *((service, "date-time", BOUNDS["date-time"]) for service in ("audit", "notifications")),
    *((service, kind, bounds) for service in ("payments", "registration") for kind, bounds in BOUNDS.items()),
]
"""Services, and what their callers name."""
SERVICES = sorted(file.stem for file in DOCS.glob("*.json"))
OF_A_LIFE = {"birth_date", "died_on"}
"""Judged by the rules of registration, which compare them alone."""


class Asked(BaseModel):
    valid_from: Day


class AskedAt(BaseModel):
    old_until: Moment


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


@pytest.mark.parametrize("time", ["2000-01-01T00:00:00Z", "2199-12-31T23:59:59.999999Z", "2200-01-01T06:59:59+07:00"])
def test_the_first_and_the_last_time_are_taken(time: str) -> None:
    assert parse(f'{{"old_until": "{time}"}}'.encode(), AskedAt).old_until == datetime.fromisoformat(time)


@pytest.mark.parametrize(
    "time",
    [
        "0001-01-01T00:00:00+14:00",
        "1999-12-31T23:59:59Z",
        "2000-01-01T06:59:59+07:00",
        "2200-01-01T00:00:00Z",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_other_times_are_refused_by_their_field_in_both_languages(time: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse(f'{{"old_until": "{time}"}}'.encode(), AskedAt)
    (told,) = refused.value.rejected.errors
    assert (told.field, told.code) == ("old_until", "time_out_of_range")
    assert told.id != told.en
    assert str(LAST_DAY) in told.id
    assert str(LAST_DAY) in told.en


@pytest.mark.parametrize(("service", "kind", "bounds"), EVERY)
def test_every_date_and_time_that_comes_in_is_bounded(service: str, kind: str, bounds: str) -> None:
    found = dict(_dates(json.loads((DOCS / f"{service}.json").read_text())["paths"], (), kind))
    assert found
    assert {"/".join(place) for place, told in found.items() if told != bounds} == set()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_takes_no_dates_takes_none(service: str) -> None:
    """So that the list above is whole."""
    paths = json.loads((DOCS / f"{service}.json").read_text())["paths"]
    for kind, bounds in BOUNDS.items():
        assert bool(dict(_dates(paths, (), kind))) == ((service, kind, bounds) in EVERY)


def _dates(tree: Any, place: tuple[str, ...], kind: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Of query parameters and bodies; a day that is part of an address finds nothing where there is no such day."""
    if isinstance(tree, list):
        for each in tree:
            if not (isinstance(each, dict) and each.get("in") == "path"):
                named = isinstance(each, dict) and "name" in each
                yield from _dates(each, (*place, each["name"]) if named else place, kind)
    elif isinstance(tree, dict):
        if tree.get("format") == kind and not OF_A_LIFE & {*place}:
            yield place, tree.get("description", "")
        for name, each in tree.items():
            yield from _dates(each, (*place, name), kind)
