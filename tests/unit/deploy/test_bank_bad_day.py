"""A bad day of the bank: planned from a seed, played against the tiny biller, and a file that contradicts the books."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local.bank.app import compose
from deploy.local.bank.books import Payment, State
from deploy.local.bank.contradictions import contradict
from deploy.local.bank.mishaps import GOOD, MISHAPS, plan
from tests.unit.deploy.fake_biller import FakeBiller
from tests.unit.deploy.serving import eventually, party, served
from tests.unit.deploy.test_bank import World, key_file, variables

__all__ = ["key_file"]
NUMBERS = [f"88000000{n:08d}" for n in range(24)]
PAYMENT = Payment(
    1, "r", "n", "c", "va", 36_800, State.DONE, None, True, "2025-10-06T09:00:00+07:00", None, None, "", "", [], 0
)


def test_the_same_seed_plans_the_same_day_and_every_mishap_happens() -> None:
    visits = plan(NUMBERS, 7)
    assert visits == plan(NUMBERS, 7) != plan(NUMBERS, 8)
    assert {visit.mishap.name for visit in visits} >= {one.name for one in MISHAPS}
    assert sorted(visit.customer_no for visit in visits) == NUMBERS


def test_shares_are_met_on_a_long_day() -> None:
    counts = Counter(visit.mishap.name for visit in plan([str(n) for n in range(20_000)], 1))
    for one in (GOOD, *MISHAPS):
        assert abs(counts[one.name] - 20 * one.share) < 40 + 4 * one.share, one.name


@pytest.mark.timeout(300)
async def test_a_bad_day_ends_with_books_that_agree_with_what_was_posted(tmp_path: Path, key_file: Path) -> None:
    biller = FakeBiller(dict.fromkeys(NUMBERS, 36_800))
    async with (
        served(biller.app()) as address,
        party(compose, variables(tmp_path, key_file, address)) as client,
    ):
        bank = World(client, biller)
        biller.public_key = (await client.get("/public-key")).text
        await bank.post("/bad-day", customer_nos=NUMBERS, seed=3)

        async def over() -> bool:
            books = await bank.get("/books")
            day = await bank.get("/bad-day")
            return not day["running"] and not books["states"]["unknown"]["count"]

        await eventually(over, within_s=240)
        day, rows = await bank.get("/bad-day"), (await client.get("/payments?limit=1000")).json()["payments"]
        assert day["finished"] == day["visits"] == len(NUMBERS)
        told = {row["payment_request_id"]: row["amount"] for row in rows if row["state"] == "done" and row["told"]}
        assert told == biller.posted
        assert sum(not row["told"] for row in rows) >= 3
        assert {"2002500"} & {row["code"] for row in rows}


def test_a_false_file_says_what_was_done_to_which_payment() -> None:
    payments = [replace(PAYMENT, payment_request_id=f"r{n}") for n in range(40)]
    false = contradict(payments, 3, seed=5)
    listed = Counter(one.payment_request_id for one in false.lines)
    assert [len(found) for found in (false.omitted, false.changed, false.doubled, false.spoilt)] == [3, 3, 3, 3]
    assert [listed[name] for name in false.omitted] == [0, 0, 0]
    assert [listed[name] for name in false.doubled] == [2, 2, 2]
    assert {one.payment_request_id: one.amount for one in false.lines if one.amount != 36_800} == false.changed
    assert len(false.lines) == 40
