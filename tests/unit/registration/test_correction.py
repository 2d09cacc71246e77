from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chassis.problems import Rejected
from contracts.events.participants import ParticipantCorrected, Standing
from contracts.values import FundingSource, Programme, Sector
from services.registration.domain.correction import Correction, correct
from tests.unit.registration.samples import NOW, participant

TWO = (Programme.JKK, Programme.JKM)


def corrected(state: Any = None, **wanted: Any) -> ParticipantCorrected | Rejected | None:
    return correct(state or participant(), Correction(**wanted), now=NOW)


def code(outcome: object) -> str:
    assert isinstance(outcome, Rejected)
    return outcome.problem.code


def test_what_is_left_out_stays_as_it_was() -> None:
    state = participant()
    found = corrected(state, income=3_000_000)
    assert isinstance(found, ParticipantCorrected)
    assert (found.income, found.sector, found.occupation) == (3_000_000, state.sector, state.occupation)
    assert (found.programmes, found.funding_source) == (tuple(sorted(state.programmes)), state.funding_source)


def test_a_correction_that_changes_nothing_is_none() -> None:
    state = participant()
    assert corrected(state) is None
    assert corrected(state, income=state.income, sector=state.sector) is None


def test_income_and_programmes_follow_the_rules_of_the_form() -> None:
    assert code(corrected(income=0)) == code(corrected(income=-1)) == "income_not_positive"
    assert code(corrected(programmes=(Programme.JKK,))) == "programmes_bundle"
    assert code(corrected(programmes=())) == "programmes_bundle"
    both = corrected(income=0, programmes=())
    assert isinstance(both, Rejected)
    assert [error.field for error in both.errors] == ["income", "programmes"]


def test_who_employs_others_cannot_drop_jht() -> None:
    employer = replace(participant(), employs_others=True, programmes=(*TWO, Programme.JHT))
    assert code(corrected(employer, programmes=TWO)) == "jht_compulsory"
    assert code(corrected(replace(participant(), programmes=TWO), employs_others=True)) == "jht_compulsory"
    assert isinstance(corrected(employer, programmes=TWO, employs_others=False), ParticipantCorrected)


@pytest.mark.parametrize("wanted", [{"sector": Sector.TRANSPORT}, {"funding_source": FundingSource.LOCAL_GOV}])
def test_sector_and_payer_change_alone(wanted: dict[str, Any]) -> None:
    found = corrected(**wanted)
    assert isinstance(found, ParticipantCorrected)


def test_what_is_over_is_corrected_no_more() -> None:
    assert code(corrected(replace(participant(), standing=Standing.CLOSED), income=2_000_000)) == "correction_step"
    over = replace(participant(), expires_at=NOW - timedelta(seconds=1))
    assert code(corrected(over, income=2_000_000)) == "correction_step"
