from __future__ import annotations

from datetime import date

import pytest

from services.registration.domain.parameters import REGISTRATION, RegistrationRules, in_force

LATER = RegistrationRules(
    version="bpu-registration/2026-01",
    valid_from=date(2026, 1, 1),
    source="test",
    entry_age_min=17,
    entry_age_max=60,
    registration_ttl_days=10,
    session_link_days=5,
)


def test_the_set_is_chosen_by_the_business_date() -> None:
    sets = (LATER, *REGISTRATION)
    assert in_force(sets, date(2025, 12, 31)).version == "bpu-registration/2022-07"
    assert in_force(sets, date(2026, 1, 1)) is LATER


def test_before_the_first_set_there_are_no_rules() -> None:
    with pytest.raises(LookupError, match="no bpu-registration rules are known for 2022-06-30"):
        in_force(REGISTRATION, date(2022, 6, 30))
