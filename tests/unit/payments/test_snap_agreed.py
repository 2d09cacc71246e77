"""What is agreed with a partner beyond the standard: hours, limits, stricter fields, from where it calls (snap.md section 1)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from contracts.events.contributions import FieldLength, Strictness
from contracts.events.partners import Conditions
from contracts.values import WIB, Rupiah
from services.payments.api.snap.source import Sources
from services.payments.domain.snap import codes, requests
from services.payments.domain.snap.codes import Service
from services.payments.domain.snap.fields import Malformed
from services.payments.domain.snap.hours import closed_at, too_much, too_often
from services.payments.domain.snap.strict import FIELDS, is_shorter, rules_of

PAYMENT: dict[str, Any] = {
    "partnerServiceId": "    8100",
    "customerNo": "8800000000001",
    "virtualAccountNo": "    81008800000000001",
    "paymentRequestId": "P-1",
    "paidAmount": {"value": "36800.00", "currency": "IDR"},
}


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2025, 10, 6, hour, minute, tzinfo=WIB)


class TestHours:
    def test_open_from_the_first_minute_up_to_the_last(self) -> None:
        day = Conditions(opens="06:00", closes="22:00")
        assert closed_at(day, at(5, 59)) is codes.NOT_AT_THIS_TIME
        assert closed_at(day, at(6)) is None
        assert closed_at(day, at(21, 59)) is None
        assert closed_at(day, at(22)) is codes.NOT_AT_THIS_TIME

    def test_hours_may_go_over_midnight(self) -> None:
        night = Conditions(opens="23:30", closes="02:00")
        assert [closed_at(night, at(h, m)) is None for h, m in ((23, 29), (23, 30), (0, 0), (1, 59), (2, 0))] == [
            False, True, True, True, False,
        ]  # fmt: skip

    @given(st.datetimes().map(lambda moment: moment.replace(year=2025, tzinfo=WIB)))
    def test_without_agreement_it_is_always_open(self, moment: datetime) -> None:
        assert closed_at(Conditions(), moment) is None
        assert closed_at(Conditions(opens="08:00", closes="08:00"), moment) is None


def test_limits_that_were_not_agreed_limit_nothing() -> None:
    assert too_often(Conditions(), 10**6) is None
    assert too_much(Conditions(), 10**12) is None
    assert too_often(Conditions(most_payments_a_day=2), 1) is None
    assert too_often(Conditions(most_payments_a_day=2), 2) is codes.TOO_OFTEN
    assert too_much(Conditions(most_per_deposit=Rupiah(500_000)), 500_000) is None
    assert too_much(Conditions(most_per_deposit=Rupiah(500_000)), 500_001) is codes.ABOVE_LIMIT


class TestStricterFields:
    def read(self, strictness: Strictness, **changes: Any) -> str:
        try:
            requests.checked(
                Service.PAYMENT, PAYMENT | changes, amount_digits=16, rules=rules_of(strictness)[Service.PAYMENT]
            )
        except Malformed as malformed:
            return malformed.case.code(Service.PAYMENT) + malformed.case.message[-11:]
        return "taken"

    def test_a_field_may_be_agreed_to_be_mandatory(self) -> None:
        strict = Strictness(mandatory_fields=("payment.referenceNo", "inquiry.channelCode"))
        assert self.read(strict) == "4002502referenceNo"
        assert self.read(strict, referenceNo="1") == "taken"
        assert self.read(Strictness()) == "taken"

    def test_a_text_may_be_agreed_to_be_shorter(self) -> None:
        strict = Strictness(lengths=(FieldLength(field="payment.referenceNo", most=12),))
        assert self.read(strict, referenceNo="1" * 12) == "taken"
        assert self.read(strict, referenceNo="1" * 13) == "4002501referenceNo"
        assert self.read(Strictness(), referenceNo="1" * 64) == "taken"

    def test_only_texts_get_shorter_and_never_longer(self) -> None:
        assert is_shorter("payment.referenceNo", 64)
        assert not is_shorter("payment.referenceNo", 65)
        assert not is_shorter("payment.referenceNo", 0)
        assert not is_shorter("payment.paidAmount", 5)
        assert not is_shorter("payment.nonsense", 5)

    def test_every_field_of_the_tables_can_be_named(self) -> None:
        assert {"inquiry.customerNo", "payment.flagAdvise", "status.paymentRequestId"} <= FIELDS.keys()
        assert not any(name.startswith("token.") for name in FIELDS)


def request(peer: str | None, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    return Request({"type": "http", "headers": headers, "client": (peer, 1) if peer else None})


class TestSource:
    @pytest.mark.parametrize(
        ("proxies", "peer", "forwarded", "source"),
        [
            ((), "203.0.113.9", ("198.51.100.1",), "203.0.113.9"),
            (("10.0.0.0/8",), "203.0.113.9", ("198.51.100.1",), "203.0.113.9"),
            (("10.0.0.0/8",), "10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
            (("10.0.0.0/8",), "10.0.0.1", ("1.1.1.1, 198.51.100.1, 10.0.0.2",), "198.51.100.1"),
            (("10.0.0.0/8",), "10.0.0.1", ("1.1.1.1", "198.51.100.1"), "198.51.100.1"),
            (("10.0.0.0/8",), "10.0.0.1", (), "10.0.0.1"),
            (("10.0.0.0/8",), "10.0.0.1", ("nonsense",), "nonsense"),
            (("10.0.0.0/8",), "10.0.0.1", ("10.0.0.3, 10.0.0.2",), None),
            (("::1/128",), "::1", ("2001:db8::7",), "2001:db8::7"),
            (("10.0.0.0/8",), None, ("198.51.100.1",), None),
        ],
    )
    def test_the_nearest_address_that_is_not_ours_counts(
        self, proxies: tuple[str, ...], peer: str | None, forwarded: tuple[str, ...], source: str | None
    ) -> None:
        assert Sources(proxies).of(request(peer, *forwarded)) == source
