"""Dated parameters: what is law on a day, what may be said in a set, and how two people change the law."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any
from uuid import uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.events.parameters import ParameterSetApproved, ParameterSetProposed, ParameterSetWithdrawn
from contracts.values import ContributionMonth, ParameterSetId, Sector
from services.payments import lawbook
from services.payments.domain.contribution import charge
from services.payments.domain.parameters import (
    CONTRIBUTION,
    DEFAULTS,
    KINDS,
    PREPAY_MONTHS,
    Dated,
    DiscountTest,
    Sets,
    day_of,
)
from services.payments.domain.parameters.billing import PrepayMonths
from services.payments.domain.parameters.kinds import AnyKind
from services.payments.domain.parameters.proposing import (
    CannotSet,
    ParameterSet,
    SetStatus,
    WantedSet,
    approve,
    propose,
    withdraw,
)
from tests.unit.payments.strategies import _SPACE, TWO, wib

TOMORROW = date(2026, 1, 2)
ALL = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def set_id(n: int) -> ParameterSetId:
    return ParameterSetId(uuid5(_SPACE, f"set {n}"))


def waiting(**changes: Any) -> ParameterSet:
    facts: dict[str, Any] = {
        "set_id": set_id(1), "kind": "prepay_months", "subject": None, "number": 1, "version": "v/1",
        "valid_from": TOMORROW, "source": "PP 1", "value": {"months": [1]}, "proposed_by": "central-1",
    }  # fmt: skip
    return ParameterSet(**facts | changes)


def wanted(**changes: Any) -> WantedSet:
    facts: dict[str, Any] = {
        "kind": PREPAY_MONTHS, "subject": None, "valid_from": TOMORROW, "source": "PP 1", "value": {"months": [1]},
    }  # fmt: skip
    return WantedSet(**facts | changes)


def dated(day: date, months: int, version: str) -> Dated[PrepayMonths]:
    return Dated(version, day, "tests", PrepayMonths(months=(months,)), set_id(months))


@ALL
def test_what_the_code_brings_along_is_dated_sourced_and_reads_back_from_its_json(kind: AnyKind) -> None:
    assert [one.valid_from for one in kind.defaults] == sorted({one.valid_from for one in kind.defaults})
    for one in kind.defaults:
        assert one.source
        assert one.version.startswith(kind.family + "/")
        told = json.loads(one.value.model_dump_json())
        assert kind.read(told).model_dump() == one.value.model_dump()


@ALL
def test_a_value_with_a_field_too_many_or_none_at_all_is_refused(kind: AnyKind) -> None:
    for wrong in ({}, {**kind.defaults[-1].value.model_dump(mode="json"), "more": 1}):
        with pytest.raises(ValidationError):
            kind.read(wrong)


@given(
    st.lists(st.tuples(st.integers(0, 2_000), st.integers(1, 24)), max_size=8),
    st.integers(0, 2_500),
)
def test_the_newest_set_in_force_holds_and_an_approved_one_beats_the_default(
    found: list[tuple[int, int]], offset: int
) -> None:
    start = date(2021, 4, 1)
    approved = sorted(found, key=lambda one: one[0])
    sets = Sets(
        {("prepay_months", None): tuple(dated(start + timedelta(days=d), m, f"x/{d}.{m}") for d, m in approved)}
    )
    day = start + timedelta(days=offset)
    held = [one for one in approved if one[0] <= offset]
    expected = (held[-1][1],) if held else (1, 2, 3, 6, 12)
    assert sets.on(PREPAY_MONTHS, day).months == expected


def test_a_subject_has_its_own_set_or_that_of_everybody() -> None:
    sets = Sets(
        {("prepay_months", "w"): (dated(TOMORROW, 5, "x/w"),), ("prepay_months", None): (dated(TOMORROW, 7, "x"),)}
    )
    assert sets.on(PREPAY_MONTHS, TOMORROW, "w").months == (5,)
    assert sets.version_on(PREPAY_MONTHS, TOMORROW, "other") == "x"
    assert sets.on(PREPAY_MONTHS, TOMORROW - timedelta(days=1), "w").months == (1, 2, 3, 6, 12)


def test_before_the_first_set_there_is_no_law() -> None:
    with pytest.raises(LookupError):
        DEFAULTS.on(CONTRIBUTION, date(2015, 6, 30))


def test_the_day_is_that_in_jakarta() -> None:
    assert (day_of(wib(2026, 1, 1, 0)), day_of(wib(2025, 12, 31, 23))) == (date(2026, 1, 1), date(2025, 12, 31))


def test_a_second_person_approves_and_the_first_cannot() -> None:
    found = waiting()
    assert approve(found, by="central-1", earliest=TOMORROW) is CannotSet.SAME_PERSON
    approved = approve(found, by="central-2", earliest=TOMORROW)
    assert isinstance(approved, ParameterSetApproved)
    assert (approved.set_id, approved.set_version) == (found.set_id, "v/1")


def test_no_set_begins_on_a_day_that_may_have_been_decided_on() -> None:
    late = TOMORROW + timedelta(days=1)
    assert propose(wanted(), [], set_id=set_id(2), earliest=late) is CannotSet.TOO_EARLY
    assert approve(waiting(), by="central-2", earliest=late) is CannotSet.TOO_EARLY


def test_a_decided_proposal_stays_as_it_is() -> None:
    approved, withdrawn = [
        waiting(status=status, decided_by="central-2") for status in (SetStatus.APPROVED, SetStatus.WITHDRAWN)
    ]
    assert approve(approved, by="central-2", earliest=TOMORROW) is None
    assert approve(approved, by="central-3", earliest=TOMORROW) is CannotSet.DECIDED
    assert withdraw(approved, "typo", by="central-2") is CannotSet.DECIDED
    assert withdraw(withdrawn, "typo", by="central-2") is None
    assert withdraw(withdrawn, "typo", by="central-1") is CannotSet.DECIDED
    assert approve(withdrawn, by="central-2", earliest=TOMORROW) is CannotSet.DECIDED
    assert isinstance(withdraw(waiting(), "typo", by="central-1"), ParameterSetWithdrawn)
    assert approve(None, by="x", earliest=TOMORROW) is withdraw(None, "x", by="x") is CannotSet.UNKNOWN


def test_versions_name_family_day_number_and_subject() -> None:
    first = propose(wanted(), [], set_id=set_id(1), earliest=TOMORROW)
    second = propose(wanted(subject="w"), [waiting(subject="w", number=4)], set_id=set_id(2), earliest=TOMORROW)
    assert isinstance(first, ParameterSetProposed) and isinstance(second, ParameterSetProposed)
    assert (first.number, first.set_version) == (1, "bpu-prepay-months/2026-01-02.1")
    assert (second.number, second.set_version) == (5, "bpu-prepay-months/2026-01-02.5@w")


LAW = CONTRIBUTION.defaults[-1].value.model_dump(mode="json")


@pytest.mark.parametrize(
    "change",
    [
        {"table": []},
        {"table": LAW["table"][1:]},
        {"table": LAW["table"][::-1]},
        {"table": [LAW["table"][0], LAW["table"][0] | {"number": 2}]},
        {"jkm": -1},
        {"jkm": 6_800.5},
        {"jkm": "6800"},
        {"jkm": 6_801},
        {"discounts": [{"sector": "OTHER", "first": "2026-04", "last": "2026-03", "bps": 5_000}]},
        {"discounts": [{"sector": "OTHER", "first": "2026-04", "last": "2026-04", "bps": 0}]},
        {"discounts": [{"sector": "OTHER", "first": "2026-04", "last": "2026-04", "bps": 10_001}]},
        {"discounts": [{"sector": "OTHER", "first": "2026-13", "last": "2026-14", "bps": 5_000}]},
        {"discounts": [{"sector": "OTHER", "first": "2026-04", "last": "2026-05", "bps": 5_000}] * 2},
        {"never_discounted": ["NOBODY"]},
        {"discount_test": "SOMEDAY"},
    ],
)  # fmt: skip
def test_an_unsound_law_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CONTRIBUTION.read(LAW | change)


def test_the_discount_may_be_tested_on_the_month_of_issue() -> None:
    """`discount_test` of domain.md section 14: the other value than that of the law."""
    rules = CONTRIBUTION.read(LAW | {"discount_test": DiscountTest.MONTH_OF_ISSUE})
    january = ContributionMonth(2027, 1)
    facts: dict[str, Any] = {"income": 1_000_000, "programmes": TWO, "sector": Sector.OTHER, "funding_source": "SELF"}
    assert charge(january, **facts, rules=rules, issued_in=ContributionMonth(2026, 12)).total == 8_400
    assert charge(january, **facts, rules=rules, issued_in=january).total == 16_800


def test_the_lawbook_says_until_when_a_set_holds() -> None:
    row = {
        "set_id": set_id(1),
        "version": "x/1",
        "number": 1,
        "decided_at": wib(2026, 4, 1, 9),
        "status": "APPROVED",
        "valid_from": date(2026, 5, 1),
        "source": "s",
        "value": {},
    }
    waits = row | {"status": "PROPOSED", "valid_from": date(2026, 6, 1)}
    shown = lawbook.history(CONTRIBUTION, [waits, row], for_everybody=True)
    assert [(one["status"], str(one["valid_from"]), str(one["valid_to"])) for one in shown] == [
        ("PROPOSED", "2026-06-01", "None"),
        ("APPROVED", "2026-05-01", "None"),
        ("DEFAULT", "2025-12-22", "2026-04-30"),
        ("DEFAULT", "2015-07-01", "2025-12-21"),
    ]
