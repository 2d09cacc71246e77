"""What each answer means for the money, by hand from snap.md sections 7 and 8."""

import json
from typing import Any

import pytest

from deploy.local.bank.answers import Reply, Verdict, judge_payment, judge_status
from deploy.local.bank.line import read_reply, usable_s
from deploy.local.bank.money import read_amount, write_amount


def reply(code: str, **data: Any) -> Reply:
    return Reply(code, "", {"virtualAccountData": {"paymentRequestId": "P-1", **data}})


@pytest.mark.parametrize(
    ("code", "flag", "verdict"),
    [
        ("2002500", "00", Verdict.DONE),
        ("2002500", None, Verdict.DONE),
        ("2002500", "01", Verdict.REFUSED),
        ("2002500", "02", Verdict.DOUBTFUL),
        ("4042518", "00", Verdict.DONE),
        ("4042512", "01", Verdict.REFUSED),
        ("4042513", "01", Verdict.REFUSED),
        ("4042514", "01", Verdict.REFUSED),
        ("4042519", "01", Verdict.REFUSED),
        ("4032515", "01", Verdict.REFUSED),
        ("2022500", None, Verdict.DOUBTFUL),
        ("5002500", None, Verdict.DOUBTFUL),
        ("5042500", "02", Verdict.DOUBTFUL),
        ("", None, Verdict.DOUBTFUL),
        ("4092500", None, Verdict.TRY_AGAIN),
        ("4292500", None, Verdict.TRY_AGAIN),
        ("4012500", None, Verdict.NOT_PROCESSED),
        ("4012501", None, Verdict.NOT_PROCESSED),
        ("4002501", None, Verdict.NOT_PROCESSED),
        ("4052500", None, Verdict.NOT_PROCESSED),
    ],
)
def test_answer_to_a_payment(code: str, flag: str | None, verdict: Verdict) -> None:
    assert judge_payment(reply(code, **({"paymentFlagStatus": flag} if flag else {})), "P-1") is verdict


def test_success_of_another_payment_is_no_success() -> None:
    assert judge_payment(reply("2002500", paymentFlagStatus="00"), "P-2") is Verdict.DOUBTFUL


@pytest.mark.parametrize(
    ("code", "flag", "verdict"),
    [
        ("2002600", "00", Verdict.DONE),
        ("2002600", "01", Verdict.REFUSED),
        ("2002600", "02", Verdict.DOUBTFUL),
        ("2002600", None, Verdict.DOUBTFUL),
        ("2002600", "03", Verdict.NOT_THERE),
        ("4042601", None, Verdict.NOT_THERE),
        ("4042612", None, Verdict.DOUBTFUL),
        ("4012600", None, Verdict.DOUBTFUL),
        ("5002600", None, Verdict.DOUBTFUL),
        ("", None, Verdict.DOUBTFUL),
    ],
)
def test_answer_to_a_status(code: str, flag: str | None, verdict: Verdict) -> None:
    assert judge_status(reply(code, **({"paymentFlagStatus": flag} if flag else {})), "P-1") is verdict


class TestReading:
    def test_a_good_answer(self) -> None:
        body = {"responseCode": "2002500", "responseMessage": "Successful"}
        assert read_reply(200, json.dumps(body).encode(), "25") == Reply("2002500", "Successful", body)

    @pytest.mark.parametrize(
        ("status", "content"),
        [
            (200, b"<html>"),
            (200, b"[]"),
            (200, b'{"responseCode": 2002500}'),
            (200, b'{"responseCode": "200250"}'),
            (200, b'{"responseCode": "2002400"}'),
            (500, b'{"responseCode": "2002500"}'),
            (200, b"[" * 100_000),
            (200, b'{"responseCode": "2002500", "x": "' + b"x" * 300_000 + b'"}'),
        ],
    )
    def test_an_answer_that_breaks_the_standard_is_no_answer(self, status: int, content: bytes) -> None:
        assert read_reply(status, content, "25").code == ""


@pytest.mark.parametrize(("life_s", "used_s"), [(900, 840), (100, 90), (0, 0)])
def test_a_token_is_replaced_before_it_dies(life_s: int, used_s: float) -> None:
    assert usable_s(life_s) == used_s


class TestMoney:
    def test_writes_two_decimals(self) -> None:
        assert write_amount(36_800) == {"value": "36800.00", "currency": "IDR"}

    @pytest.mark.parametrize(("text", "rupiah"), [("36800.00", 36_800), ("36800", 36_800), ("0.00", 0), ("1.0", 1)])
    def test_reads_whole_rupiah(self, text: str, rupiah: int) -> None:
        assert read_amount({"value": text, "currency": "IDR"}) == rupiah

    @pytest.mark.parametrize("text", ["36800.50", "-1.00", "1e3", "36,800.00", "", "1.000", "٣.00", 36_800, None])
    def test_anything_else_is_no_amount(self, text: object) -> None:
        assert read_amount({"value": text, "currency": "IDR"}) is None

    def test_another_currency_is_no_amount(self) -> None:
        assert read_amount({"value": "1.00", "currency": "USD"}) is None
