"""Rules that somebody supposes: read by the names of the parameters, each fault named with its field, and nothing else changed."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.values import ContributionMonth
from services.payments.domain.parameters import CONTRIBUTION, DEFAULTS
from services.payments.domain.parameters.incentives import INCENTIVE_NEW, INCENTIVE_OLD
from services.payments.domain.parameters.kinds import AnyKind
from services.payments.what_if.supposing import SupposedSets, Unanswerable, supposed

KINDS: tuple[AnyKind, ...] = (INCENTIVE_NEW, INCENTIVE_OLD, CONTRIBUTION)
NAMES = tuple(kind.name for kind in KINDS)


def in_force(kind: AnyKind) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(kind.defaults[-1].value.model_dump_json())
    return found


@st.composite
def parts_of_what_is_in_force(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    kinds = draw(st.sets(st.sampled_from(KINDS)))
    return {
        kind.name: {name: in_force(kind)[name] for name in draw(st.sets(st.sampled_from(sorted(in_force(kind)))))}
        for kind in kinds
    }


@given(parts_of_what_is_in_force())
def test_values_that_are_in_force_change_no_set(rules: dict[str, dict[str, Any]]) -> None:
    suppose = supposed(rules, NAMES)
    for kind in KINDS:
        assert suppose.over(kind, kind.defaults[-1]) is kind.defaults[-1]


@given(st.integers(0, 10**6), st.integers(0, 10_000))
def test_what_is_given_is_exchanged_and_the_rest_stays(head: int, bps: int) -> None:
    base = INCENTIVE_NEW.defaults[0]
    found = supposed({INCENTIVE_NEW.name: {"head_with_jht": head, "wadah_bps": bps}}, NAMES).over(INCENTIVE_NEW, base)
    expected = in_force(INCENTIVE_NEW) | {"head_with_jht": head, "wadah_bps": bps}
    assert json.loads(found.value.model_dump_json()) == expected


def test_only_the_month_that_is_asked_for_stands_under_them() -> None:
    suppose = supposed({INCENTIVE_NEW.name: {"threshold": 7}}, NAMES)
    sets = SupposedSets(DEFAULTS, suppose, ContributionMonth(2026, 10))
    found = [sets.on(INCENTIVE_NEW, date(2026, month, 1)).threshold for month in (9, 10, 11)]
    assert found == [25, 7, 25]
    base = INCENTIVE_NEW.defaults[0].version
    assert suppose.changed(base)["values"] == {"threshold": {"was": 25, "would": 7}}


@pytest.mark.parametrize(
    ("rules", "field", "code"),
    [
        ([], "--rules", "not_an_object"),
        ({"incentive_set_newer": {}}, "incentive_set_newer", "unknown_field"),
        ({"drop_months": {"months": 2}}, "drop_months", "no_bearing"),
        ({"contribution": 6_800}, "contribution", "not_an_object"),
        ({"contribution": {"jkm_amount": 6_800}}, "contribution.jkm_amount", "unknown_field"),
        ({"contribution": {"jkm": 6_800.5}}, "contribution.jkm", "not_a_whole_number"),
        ({"contribution": {"jkm": "6.800"}}, "contribution.jkm", "not_a_whole_number"),
        ({"contribution": {"jkm": -1}}, "contribution.jkm", "too_small"),
        ({"contribution": {"jkm": 6_801}}, "contribution", "fraction_of_a_rupiah"),
        ({"contribution": {"table": []}}, "contribution.table", "too_few"),
        ({"incentive_set_new": {"wadah_bps": 0.1}}, "incentive_set_new.wadah_bps", "not_a_whole_number"),
        ({"incentive_set_new": {"wadah_bps": 10_001}}, "incentive_set_new.wadah_bps", "too_large"),
        (
            {"incentive_set_new": {"rates": [{"through": 24, "bps": "15%"}]}},
            "incentive_set_new.rates.0.bps",
            "not_a_whole_number",
        ),
        ({"incentive_set_new": {"recognition": "LATER"}}, "incentive_set_new.recognition", "not_a_choice"),
    ],
)
def test_what_cannot_be_is_named_with_its_field_in_both_languages(rules: Any, field: str, code: str) -> None:
    with pytest.raises(Unanswerable) as refused:
        supposed(rules, NAMES)
    assert [(one.field, one.code) for one in refused.value.errors] == [(field, code)]
    assert all(one.id and one.en and one.id != one.en for one in refused.value.errors)
    assert not any("JSON" in one.id + one.en for one in refused.value.errors), "the file is TOML"


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(Unanswerable) as refused:
        supposed({"incentive_set_new": {"flat": -1, "head": 3}, "contributions": {}}, NAMES)
    assert {one.field for one in refused.value.errors} == {
        "incentive_set_new.flat",
        "incentive_set_new.head",
        "contributions",
    }
