"""Generators for payments' rules: months, payers, and an invented participant to start from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from hypothesis import strategies as st

from contracts.events.contributions import Payer as PayerCopy
from contracts.events.contributions import PayerAdded
from contracts.sealed import Sealed
from contracts.values import (
    WIB,
    BillId,
    ContributionMonth,
    FundingSource,
    ParticipantId,
    PaymentId,
    Programme,
    Rupiah,
    Sector,
)
from services.payments.domain.payer import Payer, evolve
from services.payments.domain.paying import Money

_SPACE = UUID("0191d3c0-0000-7000-8000-000000000000")
PARTICIPANT = ParticipantId(UUID("0191d3c0-0000-7000-8000-00000000000a"))
THREE = (Programme.JKK, Programme.JKM, Programme.JHT)
TWO = (Programme.JKK, Programme.JKM)

months = st.builds(ContributionMonth, st.integers(2024, 2029), st.integers(1, 12))
incomes = st.integers(1, 40_000_000)
programmes = st.sampled_from([TWO, THREE])
sectors = st.sampled_from(Sector)
sources = st.sampled_from(FundingSource)


def wib(year: int, month: int, day: int, hour: int = 9, minute: int = 0) -> datetime:
    """An instant by the clock on the wall in Jakarta."""
    return datetime(year, month, day, hour, minute, tzinfo=WIB).astimezone(UTC)


def bill_id(n: int) -> BillId:
    return BillId(uuid5(_SPACE, f"bill {n}"))


def payment_id(n: int) -> PaymentId:
    return PaymentId(uuid5(_SPACE, f"payment {n}"))


def added(**changes: Any) -> PayerAdded:
    """A lowest-band participant with all three programmes, registered in October 2025."""
    facts: dict[str, Any] = {
        "participant_id": PARTICIPANT,
        "contribution_code": "8800000000016",
        "income": Rupiah(1_000_000),
        "sector": Sector.OTHER,
        "programmes": THREE,
        "funding_source": FundingSource.SELF,
        "registration_expires_at": wib(2025, 11, 5),
        "payer": Sealed(PARTICIPANT, PayerCopy(name="Contoh Satu", nik_hash="0" * 64)),
    }
    return PayerAdded(**facts | changes)


def payer(**changes: Any) -> Payer:
    made = evolve(None, added(**changes), wib(2025, 10, 6))
    assert made is not None
    return made


def money(amount: int, at: datetime, *, received_at: datetime | None = None, reference: str = "REF-1") -> Money:
    return Money(
        partner="bank-a",
        channel="snap-va",
        channel_reference=reference,
        amount=amount,
        effective_at=at,
        received_at=received_at or at,
    )
