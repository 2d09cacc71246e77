"""The field tables of snap.md section 6: mandatory, forms, lengths; samples' quirks accepted, ours refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.values import WIB
from services.payments.domain.snap import codes, requests, values
from services.payments.domain.snap.codes import Service
from services.payments.domain.snap.fields import MAX_BODY_BYTES, Malformed, read

ACCOUNT = {"partnerServiceId": "   15973", "customerNo": "8800000000016", "virtualAccountNo": "   159738800000000016"}
RUPIAH = {"value": "36800.00", "currency": "IDR"}
GOOD: dict[Service, dict[str, Any]] = {
    Service.INQUIRY: {**ACCOUNT, "inquiryRequestId": "INQ-1"},
    Service.PAYMENT: {**ACCOUNT, "paymentRequestId": "PAY-1", "paidAmount": RUPIAH},
    Service.STATUS: {**ACCOUNT},
    Service.TOKEN: {"grantType": "client_credentials"},
}
LENGTHS = [
    (Service.INQUIRY, "inquiryRequestId", 128),
    (Service.INQUIRY, "passApp", 64),
    (Service.INQUIRY, "language", 2),
    (Service.INQUIRY, "hashedSourceAccountNo", 32),
    (Service.INQUIRY, "sourceBankCode", 11),
    (Service.PAYMENT, "paymentRequestId", 128),
    (Service.PAYMENT, "virtualAccountName", 255),
    (Service.PAYMENT, "virtualAccountEmail", 255),
    (Service.PAYMENT, "virtualAccountPhone", 30),
    (Service.PAYMENT, "trxId", 64),
    (Service.PAYMENT, "subCompany", 5),
    (Service.PAYMENT, "referenceNo", 64),
    (Service.PAYMENT, "journalNum", 6),
    (Service.STATUS, "inquiryRequestId", 128),
    (Service.STATUS, "paymentRequestId", 128),
]


def check(service: Service, fields: dict[str, Any], digits: int = 16) -> dict[str, Any]:
    return requests.checked(service, fields, amount_digits=digits)


def refusal(service: Service, fields: dict[str, Any], digits: int = 16) -> tuple[str, str]:
    with pytest.raises(Malformed) as caught:
        check(service, fields, digits)
    return caught.value.case.code(service), caught.value.case.message


@pytest.mark.parametrize("service", list(GOOD))
def test_the_official_fields_are_taken(service: Service) -> None:
    assert check(service, GOOD[service]) == GOOD[service]


@pytest.mark.parametrize(
    ("service", "name"),
    [
        (service, name)
        for service, rules in requests.RULES.items()
        for name in (rule.name for rule in rules if rule.mandatory)
    ],
)
@pytest.mark.parametrize("blank", ["left out", None, "", "   "])
def test_a_mandatory_field_that_is_missing_or_blank_is_named(service: Service, name: str, blank: str | None) -> None:
    fields = {key: value for key, value in GOOD[service].items() if key != name}
    if blank != "left out":
        fields[name] = blank
    assert refusal(service, fields) == (f"400{service}02", f"Invalid Mandatory Field {name}")


@pytest.mark.parametrize(("service", "name", "length"), LENGTHS)
def test_lengths_are_enforced(service: Service, name: str, length: int) -> None:
    assert check(service, GOOD[service] | {name: "1" * length})[name] == "1" * length
    assert refusal(service, GOOD[service] | {name: "1" * (length + 1)}) == (
        f"400{service}01",
        f"Invalid Field Format {name}",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("customerNo", 8800000000016),
        ("customerNo", "8" * 21),
        ("partnerServiceId", "123456789"),
        ("virtualAccountNo", "   159738800000000017"),
        ("virtualAccountNo", "1" * 29),
        ("trxDateTime", "2026-11-22 10:15:30"),
        ("trxDateTime", "2026-13-22T10:15:30+07:00"),
        ("trxDateTime", "0001-01-01T00:00:00+07:00"),
        ("trxDateTime", 20261122),
        ("channelCode", 60111),
        ("channelCode", "60a1"),
        ("channelCode", True),
        ("flagAdvise", "X"),
        ("flagAdvise", ["Y"]),
        ("paymentType", "12"),
        ("paymentType", True),
        ("paidBills", "XYZ"),
        ("billDetails", {}),
        ("billDetails", [{}] * 25),
        ("billDetails", [{"billCode": "123"}]),
        ("freeTexts", [{"english": "e" * 33}]),
        ("additionalInfo", []),
        ("paymentRequestId", "a\u0000b"),
        ("paymentRequestId", "a\ud800"),
        ("virtualAccountName", "two\nlines"),
    ],
)
def test_a_malformed_field_is_named(name: str, value: object) -> None:
    code, message = refusal(Service.PAYMENT, GOOD[Service.PAYMENT] | {name: value})
    assert code == "4002501"
    assert message.startswith(f"Invalid Field Format {name}")


@pytest.mark.parametrize(
    ("value", "currency", "bad"),
    [
        ("0.00", "IDR", "value"),
        ("-1.00", "IDR", "value"),
        ("36800.50", "IDR", "value"),
        ("36800.000", "IDR", "value"),
        ("36800.", "IDR", "value"),
        ("36,800.00", "IDR", "value"),
        ("3.68e4", "IDR", "value"),
        ("٣٦٨٠٠.00", "IDR", "value"),
        (36800, "IDR", "value"),
        (36800.0, "IDR", "value"),
        ("1" * 17 + ".00", "IDR", "value"),
        ("36800.00", "USD", "currency"),
        ("36800.00", "idr", "currency"),
    ],
)
def test_a_sum_that_is_wrong_in_itself_is_a_format_error(value: object, currency: str, bad: str) -> None:
    fields = GOOD[Service.PAYMENT] | {"paidAmount": {"value": value, "currency": currency}}
    assert refusal(Service.PAYMENT, fields) == ("4002501", f"Invalid Field Format paidAmount.{bad}")


@pytest.mark.parametrize("missing", ["value", "currency"])
def test_half_an_amount_misses_a_mandatory_field(missing: str) -> None:
    fields = GOOD[Service.PAYMENT] | {"paidAmount": {key: text for key, text in RUPIAH.items() if key != missing}}
    assert refusal(Service.PAYMENT, fields) == ("4002502", f"Invalid Mandatory Field paidAmount.{missing}")


def test_the_most_digits_of_an_amount_are_a_matter_of_agreement() -> None:
    fields = GOOD[Service.PAYMENT] | {"paidAmount": {"value": "123456.00", "currency": "IDR"}}
    assert refusal(Service.PAYMENT, fields, digits=5)[0] == "4002501"


@pytest.mark.parametrize("text", ["36800", "36800.0", "36800.00", "0036800.00"])
def test_amounts_are_numbers_a_missing_fraction_means_none(text: str) -> None:
    assert values.rupiah(text, digits=16) == 36_800


@given(st.integers(1, 10**15))
def test_amounts_written_by_us_are_read_as_the_same_number(amount: int) -> None:
    assert values.rupiah(values.decimal(amount)["value"], digits=16) == amount


def test_missing_comes_before_malformed() -> None:
    assert refusal(Service.PAYMENT, {**ACCOUNT, "customerNo": 5})[0] == "4002502"


def test_quirks_of_the_official_samples_are_read() -> None:
    found = check(Service.INQUIRY, GOOD[Service.INQUIRY] | {"txnDateInit": "20201231T235959Z", "channelCode": "6011"})
    assert found["trxDateInit"] == "20201231T235959Z"
    payment = check(Service.PAYMENT, GOOD[Service.PAYMENT] | {"paymentType": 1, "unknown": {"deep": 1}})
    assert payment["paymentType"] == 1
    assert "unknown" not in payment


@pytest.mark.parametrize(
    ("psid", "number"),
    [("   15973", "159738800000000016"), ("15973", "   159738800000000016"), ("15973", "159738800000000016")],
)
def test_padding_is_taken_as_it_comes_and_trimmed_for_the_search(psid: str, number: str) -> None:
    fields = GOOD[Service.INQUIRY] | {"partnerServiceId": psid, "virtualAccountNo": number}
    assert requests.inquiry(check(Service.INQUIRY, fields)).account.prefix == "15973"


@pytest.mark.parametrize(
    ("extra", "agrees"),
    [
        ({}, True),
        ({"totalAmount": {"value": "36800", "currency": "IDR"}}, True),
        ({"totalAmount": {"value": "36801.00", "currency": "IDR"}}, False),
        ({"billDetails": [{"billAmount": RUPIAH}]}, True),
        ({"billDetails": [{"billAmount": RUPIAH}, {"billAmount": RUPIAH}]}, False),
        ({"billDetails": [{"billCode": "01"}]}, True),
    ],
)
def test_sums_inside_one_request_agree_or_not(extra: dict[str, Any], agrees: bool) -> None:
    assert requests.payment(check(Service.PAYMENT, GOOD[Service.PAYMENT] | extra)).agrees is agrees


def test_times_with_both_offsets_are_the_same_instant() -> None:
    one, other = values.instant("2026-11-22T10:15:30+07:00"), values.instant("2026-11-22T03:15:30Z")
    assert one == other == values.instant("2026-11-22T03:15:30.000Z")
    assert one is not None
    assert values.timestamp(one) == one.astimezone(WIB).isoformat() == "2026-11-22T10:15:30+07:00"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"nonsense", b"[]", b'"text"', b"null", b'{"a":1', b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff\xfe{}",
        b'{"a":' * 50 + b"1" + b"}" * 50, b"[" * 60_000, b'{"a":"' + b"x" * MAX_BODY_BYTES + b'"}',
        b'{"a":' + b"9" * 5_000 + b"}",
    ],
)  # fmt: skip
def test_what_is_not_one_json_object_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        read(body)
    assert caught.value.case is codes.BAD_REQUEST


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_never_a_crash(body: bytes) -> None:
    try:
        assert isinstance(read(body), dict)
    except Malformed as refused:
        assert refused.case is codes.BAD_REQUEST


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


@given(
    st.sampled_from(list(Service)[:4]),
    st.data(),
)
def test_any_value_in_any_field_is_taken_or_named(service: Service, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([rule.name for rule in requests.RULES[service]]))
    fields = GOOD[service] | {name: data.draw(json_values)}
    try:
        check(service, read(json.dumps(fields).encode()))
    except Malformed as refused:
        assert refused.case.number in {"01", "02"}
        assert name in refused.case.message or "virtualAccountNo" in refused.case.message


def test_an_echo_shows_nothing_by_itself() -> None:
    assert "8800" not in repr(requests.Echo(dict(ACCOUNT)))


def test_every_reason_fits_the_shortest_limit_and_every_code_has_seven_digits() -> None:
    for case in vars(codes).values():
        if isinstance(case, codes.Case):
            assert len(case.reason.english) <= 64, case
            assert len(case.reason.indonesia) <= 64, case
            assert len(case.message) <= 150
            assert len(case.code(Service.PAYMENT)) == 7
