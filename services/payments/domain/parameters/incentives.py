"""Dated sets of the incentive: one kind per scheme, so an agreement's scheme and the month choose; a Wadah may carry a set of its own.

Sources: programme rules 2017–2022 (OLD), Perdir 13/PERDIR.02/042022 (NEW); domain.md section 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from contracts.events.agency import IncentiveScheme
from contracts.values import USUAL_DROP_MONTHS, ContributionMonth, WadahId
from services.payments.domain.parameters.kinds import Dated, Kind, Value, unsound
from services.payments.domain.parameters.sets import Sets

Money = Annotated[int, Field(ge=0, lt=10**12)]
Bps = Annotated[int, Field(ge=0, le=10_000)]


class WadahShare(StrEnum):
    """ON_TOP: the agent keeps all and the Wadah's part is added; CARVED_OUT: it is taken from the gross."""

    ON_TOP = "ON_TOP"
    CARVED_OUT = "CARVED_OUT"


class CounterOnTransfer(StrEnum):
    """Whether a participant's month counter begins anew with another agent."""

    PER_AGENT = "PER_AGENT"
    CONTINUE = "CONTINUE"


class Recognition(StrEnum):
    """ON_PAYMENT: all months of a payment are earned in the WIB month of its `effective_at`; ON_CONTRIBUTION_MONTH: each as it comes, those
    of before the payment with the payment.
    """

    ON_PAYMENT = "ON_PAYMENT"
    ON_CONTRIBUTION_MONTH = "ON_CONTRIBUTION_MONTH"


class Rate(BaseModel):
    """Lines whose counter is at most `through` (and above that of the rate before) are paid at `bps`; None: all further ones."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    through: Annotated[int, Field(ge=1, le=1_200)] | None
    bps: Bps


class IncentiveSet(Value):
    """Everything an agent's month depends on. Above the last rate nothing is paid (alih binaan to the branch)."""

    threshold: Annotated[int, Field(ge=0, le=100_000)]
    """On all acquisitions of a month: reached, every head pays; one below, none does."""
    flat: Money
    """Once, when the threshold is reached; not per head."""
    head_with_jht: Money
    head_without_jht: Money
    rates: Annotated[tuple[Rate, ...], Field(min_length=1, max_length=12)]
    wadah_bps: Bps
    wadah_share: WadahShare
    counter_on_transfer: CounterOnTransfer = CounterOnTransfer.PER_AGENT
    recognition: Recognition = Recognition.ON_PAYMENT
    """Of the payments that come in the months of this set: a later set leaves them as they are."""
    threshold_recompute: bool = True
    """Whether a reversed first payment can take a whole month's acquisition pay away."""
    self_acquisition: bool = False

    @field_validator("rates")
    @classmethod
    def _rise(cls, rates: tuple[Rate, ...]) -> tuple[Rate, ...]:
        borders = [rate.through for rate in rates]
        known = [border for border in borders if border is not None]
        if None in borders[:-1] or known != sorted(set(known)):
            raise unsound(
                "not_rising",
                id="Urutkan batas naik, tanpa batas hanya di akhir.",
                en="List borders rising, an open one only last.",
            )
        return rates

    def bps_of(self, k: int) -> int:
        """The rate of the k-th month."""
        return next((rate.bps for rate in self.rates if rate.through is None or k <= rate.through), 0)


class RunDays(Value):
    """Days of the month after the incentive month: the run closes at 24:00 WIB of `close`; the others begin at 00:00 WIB of theirs."""

    close: Annotated[int, Field(ge=1, le=28)]
    statements: Annotated[int, Field(ge=1, le=28)]
    orders: Annotated[int, Field(ge=1, le=28)]
    paid: Annotated[int, Field(ge=1, le=28)]

    @field_validator("paid")
    @classmethod
    def _are_in_order(cls, paid: int, info: object) -> int:
        days = getattr(info, "data", {})
        order = [days.get("close", 0), days.get("statements", 28), days.get("orders", 28), paid]
        if order != sorted(order) or order[0] == order[1]:
            raise unsound(
                "not_rising",
                id="Urutkan: tutup, pernyataan, perintah, bayar.",
                en="In order: close, statements, orders, paid.",
            )
        return paid


class TaxBps(Value):
    """Tax withheld from what is paid to a Wadah. The rate is not settled in the sources: 0, and the statement says "before tax"."""

    bps: Bps


class DropMonths(Value):
    """So many calendar months in a row without result, and an agent is dropped; below its target, and a Wadah's agreement is ended."""

    months: Annotated[int, Field(ge=1, le=24)]


OLD_SET = IncentiveSet(
    threshold=50,
    flat=500_000,
    head_with_jht=0,
    head_without_jht=0,
    rates=(Rate(through=None, bps=750),),
    wadah_bps=1_000,
    wadah_share=WadahShare.CARVED_OUT,
)
NEW_SET = IncentiveSet(
    threshold=25,
    flat=0,
    head_with_jht=15_000,
    head_without_jht=10_000,
    rates=(Rate(through=24, bps=1_500), Rate(through=60, bps=500)),
    wadah_bps=1_000,
    wadah_share=WadahShare.ON_TOP,
)

INCENTIVE_OLD = Kind(
    name="incentive_set_old",
    family="perisai-incentive-old",
    value=IncentiveSet,
    defaults=(Dated("perisai-incentive-old/2017-11", date(2017, 11, 1), "programme rules 2017–2022", OLD_SET),),
    subject="wadah_id",
)
INCENTIVE_NEW = Kind(
    name="incentive_set_new",
    family="perisai-incentive-new",
    value=IncentiveSet,
    defaults=(Dated("perisai-incentive-new/2022-04", date(2022, 4, 1), "Perdir 13/PERDIR.02/042022", NEW_SET),),
    subject="wadah_id",
)
RUN_DAYS = Kind(
    name="incentive_run_days",
    family="perisai-incentive-run",
    value=RunDays,
    defaults=(
        Dated(
            "perisai-incentive-run/2017-11",
            date(2017, 11, 1),
            "Perdir 13/PERDIR.02/042022 (paid by the 5th); the other days our choice",
            RunDays(close=2, statements=3, orders=4, paid=5),
        ),
    ),
)
TAX_BPS = Kind(
    name="tax_bps",
    family="perisai-incentive-tax",
    value=TaxBps,
    defaults=(Dated("perisai-incentive-tax/2017-11", date(2017, 11, 1), "rate unknown in the sources", TaxBps(bps=0)),),
)
DROP_MONTHS = Kind(
    name="drop_months",
    family="perisai-drop",
    value=DropMonths,
    defaults=(
        Dated(
            "perisai-drop/2017-11",
            date(2017, 11, 1),
            "programme rules 2017–2022; Perdir 13/PERDIR.02/042022",
            DropMonths(months=USUAL_DROP_MONTHS),
        ),
    ),
)
"""Asked for the first day of an incentive month."""
KINDS = (INCENTIVE_OLD, INCENTIVE_NEW, RUN_DAYS, TAX_BPS, DROP_MONTHS)

_BY_SCHEME: Mapping[IncentiveScheme, Kind[IncentiveSet]] = MappingProxyType(
    {IncentiveScheme.OLD: INCENTIVE_OLD, IncentiveScheme.NEW: INCENTIVE_NEW}
)


def spreads(sets: Sets, scheme: IncentiveScheme) -> bool:
    """Whether there is, was or will be a set of this scheme by which months are earned as they come."""
    kind = _BY_SCHEME[scheme]
    return any(one.value.recognition is Recognition.ON_CONTRIBUTION_MONTH for one in sets.every(kind))


def drop_rule(sets: Sets, month: ContributionMonth) -> Dated[DropMonths]:
    """After how many months in a row, by the set of this one."""
    return sets.set_on(DROP_MONTHS, date(month.year, month.month, 1))


def set_of(sets: Sets, scheme: IncentiveScheme, wadah_id: WadahId, month: ContributionMonth) -> Dated[IncentiveSet]:
    """The set of an incentive month: the one in force on its first day, the Wadah's own before the one for everybody."""
    return sets.set_on(_BY_SCHEME[scheme], date(month.year, month.month, 1), str(wadah_id))
