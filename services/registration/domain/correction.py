"""Correcting what the contribution follows from: occupation and sector, income, programmes, who pays.

A change counts from the first contribution month not yet paid; who must have JHT cannot drop it (domain.md section 5). Contact data are
corrected elsewhere: they price nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from chassis.problems import ProblemType, Rejected
from contracts.events.participants import ParticipantCorrected, Standing
from contracts.values import FundingSource, Programme, Rupiah, Sector
from services.registration.domain.calendar import wib_date
from services.registration.domain.form import programmes_fault
from services.registration.domain.parameters import REGISTRATION, in_force
from services.registration.domain.participant import Participant
from services.registration.domain.protection import standing_at
from services.registration.problems import CORRECTION_STEP, INCOME_NOT_POSITIVE, field_error


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """None: as it was."""

    occupation: str | None = None
    sector: Sector | None = None
    income: int | None = None
    employs_others: bool | None = None
    programmes: tuple[Programme, ...] | None = None
    funding_source: FundingSource | None = None


def correct(state: Participant, wanted: Correction, *, now: datetime) -> ParticipantCorrected | Rejected | None:
    """The facts from now on; None when all of them hold already. Refused once the registration is over or the participation closed."""
    rules = in_force(REGISTRATION, wib_date(now)).version
    standing = standing_at(state, now)
    if standing in (Standing.EXPIRED, Standing.CLOSED):
        return Rejected(CORRECTION_STEP, None, {"status": str(standing)}, rules)
    if broken := [*_broken(state, wanted)]:
        errors = tuple(field_error(problem, field) for problem, field in broken)
        return Rejected(broken[0][0], broken[0][1], {}, rules, errors if len(errors) > 1 else ())
    corrected = _corrected(state, wanted)
    return None if corrected == _corrected(state, Correction()) else corrected


def _broken(state: Participant, wanted: Correction) -> Iterator[tuple[ProblemType, str]]:
    if wanted.income is not None and wanted.income <= 0:
        yield INCOME_NOT_POSITIVE, "income"
    programmes = state.programmes if wanted.programmes is None else wanted.programmes
    employs_others = state.employs_others if wanted.employs_others is None else wanted.employs_others
    if problem := programmes_fault(programmes, employs_others=employs_others):
        yield problem, "programmes"


def _corrected(state: Participant, wanted: Correction) -> ParticipantCorrected:
    return ParticipantCorrected(
        participant_id=state.participant_id,
        occupation=state.occupation if wanted.occupation is None else wanted.occupation,
        sector=wanted.sector or state.sector,
        income=Rupiah(wanted.income or state.income),
        employs_others=state.employs_others if wanted.employs_others is None else wanted.employs_others,
        programmes=state.programmes if wanted.programmes is None else tuple(sorted(wanted.programmes)),
        funding_source=wanted.funding_source or state.funding_source,
    )
