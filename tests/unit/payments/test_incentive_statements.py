"""What a closed month is corrected by where its set keeps a threshold that was reached."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from contracts.events.agency import IncentiveScheme
from contracts.events.incentives import IncentiveStatementIssued
from services.payments.domain.incentives.earning import earnings
from services.payments.domain.incentives.lines import lines_of
from services.payments.domain.incentives.statements import Before, Carried, Month, statement
from services.payments.domain.parameters.incentives import OLD_SET
from services.payments.domain.parameters.kinds import Dated
from tests.unit.payments.test_incentive_lines import M, agreement, paid, wadah, worker

KEPT = OLD_SET.model_copy(update={"threshold_recompute": False})
"""50 acquisitions bring 500,000, whatever is taken back later."""


@pytest.mark.parametrize(
    ("ended_on", "standing", "acquisition_pay", "received"),
    [
        pytest.param(None, 49, 500_000, 49 * 36_800, id="one of 50 is taken back: the threshold stays reached"),
        pytest.param(date(2025, 9, 20), 50, 0, 0, id="under no agreement any more: nothing is earned, nothing is kept"),
    ],
)
def test_a_threshold_that_was_reached_is_kept_while_there_is_an_agreement(
    ended_on: date | None, standing: int, acquisition_pay: int, received: int
) -> None:
    payments = [paid(n) for n in range(50)]
    lines = lines_of(worker(agreements=wadah(agreement(scheme=IncentiveScheme.OLD))), payments, KEPT)
    closed = Before(lines, earnings(lines, KEPT))
    assert closed.earned.acquisition_pay == 500_000
    rules = Dated("old", date(2017, 11, 1), "tests", KEPT)
    *_, issued = statement(
        worker(agreements=wadah(agreement(scheme=IncentiveScheme.OLD, ended_on=ended_on))),
        Month(M + 1, rules, []),
        [Month(M, rules, payments[:standing], closed)],
        Carried(),
        drop_months=3,
        closed_at=datetime(2025, 12, 3, tzinfo=UTC),
    )
    assert isinstance(issued, IncentiveStatementIssued)
    (adjusted,) = issued.adjustments
    assert (adjusted.after.acquisition_pay, adjusted.after.received) == (acquisition_pay, received)
    assert (adjusted.after.agent == 0) == (acquisition_pay == 0)
