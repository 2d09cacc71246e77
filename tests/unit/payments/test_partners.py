from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.event import Event
from contracts.events.contributions import PartnerDisabled, PartnerEnabled, RepeatProfile, SignatureMode, Strictness
from contracts.events.partners import Conditions, PartnerReenabled, PartnerTermsChanged
from services.payments.domain.partners import (
    LONGEST_OVERLAP,
    Agreed,
    CannotChange,
    Partner,
    StillLives,
    agree,
    change_terms,
    disable,
    enable,
    evolve,
    reenable,
    rotate,
    rotate_secret,
)

BANK = Partner(
    partner="bank-a",
    name="Bank A",
    client_key="client-a",
    partner_ids=("81001",),
    va_prefixes=("8100",),
    public_keys=("pem",),
    signature_mode=SignatureMode.SYMMETRIC,
    repeat_profile=RepeatProfile.SPEC,
    strictness=Strictness(),
)
ENDED = replace(BANK, disabled_for="contract_ended")
NOW = datetime(2025, 10, 6, 2, tzinfo=UTC)
TODAY = date(2025, 10, 6)
NIGHT = Conditions(opens="06:00", closes="22:00")


def applied(partner: Partner | None, event: Event | CannotChange | StillLives | None) -> Partner:
    assert isinstance(event, Event)
    return evolve(partner, event)


def test_a_name_and_a_client_key_belong_to_one_partner() -> None:
    assert isinstance(enable([], BANK), PartnerEnabled)
    assert enable([BANK], BANK) is CannotChange.EXISTS
    assert enable([BANK], replace(BANK, partner="bank-b")) is CannotChange.EXISTS
    assert isinstance(enable([BANK], replace(BANK, partner="bank-b", client_key="b")), PartnerEnabled)


def test_what_was_agreed_with_a_partner_outlives_his_absence() -> None:
    agreed = (Agreed(date(2025, 10, 1), Conditions()),)
    again = enable([ENDED], BANK)
    assert isinstance(again, PartnerEnabled) and evolve(replace(ENDED, agreed=agreed), again).agreed == agreed


def test_the_client_key_of_a_disabled_partner_stays_its_own() -> None:
    assert isinstance(enable([ENDED], BANK), PartnerEnabled)
    assert enable([ENDED], replace(BANK, partner="bank-b")) is CannotChange.EXISTS


def test_only_an_enabled_partner_is_changed() -> None:
    terms = PartnerTermsChanged(**{name: getattr(BANK, name) for name in PartnerTermsChanged.model_fields})
    for partner, why in ((None, CannotChange.UNKNOWN), (ENDED, CannotChange.DISABLED)):
        assert rotate(partner, ("new",), None, NOW) is why
        assert rotate_secret(partner, (), UUID(int=1), None, NOW) is why
        assert change_terms(partner, terms) is why
        assert agree(partner, TODAY, NIGHT, TODAY) is why


def test_disabling_twice_is_one_event_and_so_is_coming_back() -> None:
    assert isinstance(disable(BANK, "x"), PartnerDisabled)
    assert disable(ENDED, "x") is None
    assert disable(None, "x") is CannotChange.UNKNOWN
    assert isinstance(reenable(ENDED), PartnerReenabled)
    assert reenable(BANK) is None
    assert reenable(None) is CannotChange.UNKNOWN
    assert applied(ENDED, reenable(ENDED)) == BANK


class TestKeys:
    def test_without_overlap_the_sent_keys_are_live_and_no_other(self) -> None:
        after = applied(BANK, rotate(BANK, ("new",), None, NOW))
        assert after.keys_at(NOW) == ("new",)

    def test_with_overlap_the_old_key_lives_until_its_time_and_not_a_moment_longer(self) -> None:
        until = NOW + timedelta(hours=24)
        after = applied(BANK, rotate(BANK, ("new",), until, NOW))
        assert after.keys_at(NOW) == ("pem", "new")
        assert after.keys_at(until - timedelta(microseconds=1)) == ("pem", "new")
        assert after.keys_at(until) == ("new",)

    def test_no_overlap_begins_while_an_older_key_still_has_its_time(self) -> None:
        until = NOW + timedelta(hours=24)
        once = applied(BANK, rotate(BANK, ("new",), until, NOW))
        for again in ("new", "newer"):
            assert rotate(once, (again,), until + timedelta(hours=9), NOW) == StillLives(until)
        twice = applied(once, rotate(once, ("newer",), until + timedelta(hours=9), until))
        assert twice.keys_at(until) == ("new", "newer")

    def test_two_keys_sent_without_overlap_take_the_place_of_all(self) -> None:
        once = applied(BANK, rotate(BANK, ("new",), NOW + timedelta(hours=24), NOW))
        assert applied(once, rotate(once, ("pem", "newer"), None, NOW)).keys_at(NOW) == ("pem", "newer")

    def test_the_same_key_again_is_one_key(self) -> None:
        after = applied(BANK, rotate(BANK, ("pem",), NOW + timedelta(hours=1), NOW))
        assert (after.public_keys, after.first_key_until) == (("pem",), None)
        assert after.keys_at(NOW + timedelta(days=9)) == ("pem",)

    @pytest.mark.parametrize("away", [timedelta(0), -timedelta(seconds=1), LONGEST_OVERLAP + timedelta(seconds=1)])
    def test_an_overlap_is_neither_past_nor_for_ever(self, away: timedelta) -> None:
        assert rotate(BANK, ("new",), NOW + away, NOW) is CannotChange.OVERLAP
        assert rotate_secret(BANK, (), UUID(int=1), NOW + away, NOW) is CannotChange.OVERLAP


class TestConditions:
    def test_the_newest_that_hold_on_a_day_count(self) -> None:
        later = Conditions(most_payments_a_day=3)
        after = applied(BANK, agree(BANK, date(2025, 11, 1), later, TODAY))
        after = applied(after, agree(after, date(2025, 10, 10), NIGHT, TODAY))
        days = {date(2025, 10, 9): Conditions(), date(2025, 10, 10): NIGHT, date(2025, 11, 1): later}
        assert {day: after.conditions_on(day) for day in days} == days
        assert [one.valid_from for one in after.agreed] == [date(2025, 10, 10), date(2025, 11, 1)]

    def test_what_is_in_use_is_never_edited(self) -> None:
        assert agree(BANK, date(2025, 10, 5), NIGHT, TODAY) is CannotChange.PAST
        after = applied(BANK, agree(BANK, TODAY, NIGHT, TODAY))
        assert agree(after, TODAY, Conditions(), TODAY) is CannotChange.PAST

    def test_what_does_not_hold_yet_may_be_agreed_anew(self) -> None:
        day = date(2025, 10, 20)
        after = applied(BANK, agree(BANK, day, NIGHT, TODAY))
        again = applied(after, agree(after, day, Conditions(), TODAY))
        assert again.agreed == (Agreed(day, Conditions()),)

    @given(st.lists(st.integers(0, 60), max_size=8))
    def test_they_stand_in_the_order_of_their_days_whatever_the_order_of_agreeing(self, offsets: list[int]) -> None:
        partner = BANK
        for number, offset in enumerate(offsets):
            conditions = Conditions(most_payments_a_day=number)
            decided = agree(partner, TODAY + timedelta(days=offset), conditions, TODAY)
            if isinstance(decided, Event):
                partner = evolve(partner, decided)
        days = [one.valid_from for one in partner.agreed]
        assert days == sorted(set(days)) == sorted({TODAY + timedelta(days=offset) for offset in offsets})
